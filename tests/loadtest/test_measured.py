"""What is told of a run."""

from __future__ import annotations

import pytest

from llm_gateway.loadtest.measured import MOST_CLASSES, Machine, Measured, Outcome

MACHINE = Machine(seconds=10.0, until_last=20.0, cpu=0.2, opened=3, reused=97, exact_timer=True)


def test_latency_counts_from_when_a_request_was_due():
    """The time that the generator lost is in it, and is told beside it."""
    measured = Measured()
    measured.count(Outcome(1.0, sent=1.5, first=2.0, end=3.0, stream=True))
    summary = measured.summary({}, MACHINE)
    assert summary.latency_ms.max == 2000
    assert summary.service_ms.max == 1500
    assert summary.ttft_ms.max == 1000
    assert summary.generator.lag_ms.max == 500


def test_answers_per_second_count_until_the_last_answer():
    """A service that answers everything twice as late as it is asked does half."""
    measured = Measured()
    for _ in range(100):
        measured.count(Outcome(0.0, end=1.0, output_tokens=4))
    summary = measured.summary({}, MACHINE)
    assert summary.per_second.offered == 10
    assert summary.per_second.answered == 5
    assert summary.per_second.output_tokens == 20


def test_errors_have_no_latency():
    """A refusal in a millisecond must not make the percentiles look better."""
    measured = Measured()
    measured.count(Outcome(0.0, end=0.001, error="503", output_tokens=7, bytes_received=9))
    measured.count(Outcome(0.0, end=1.0))
    summary = measured.summary({}, MACHINE)
    assert summary.latency_ms.count == 1
    assert summary.errors.share == 0.5
    assert summary.errors.kinds == {"503": 1}
    assert summary.volume.output_tokens == 0
    assert summary.volume.bytes_received == 9
    assert summary.volume.unknown == 1


def test_kinds_of_errors_are_bounded():
    """A server that invents codes does not fill the memory."""
    measured = Measured()
    for number in range(1000):
        measured.count(Outcome(0.0, end=1.0, error=f"400 e{number}"))
    kinds = measured.summary({}, MACHINE).errors.kinds
    assert len(kinds) == MOST_CLASSES + 1
    assert sum(kinds.values()) == 1000


@pytest.mark.parametrize(
    ("late", "cpu", "said"), [(0, 0.2, ""), (10, 0.2, "after they were due"), (0, 0.99, "processor core"), (1, 0.2, "")]
)
def test_the_generator_says_when_it_was_the_bottleneck(late, cpu, said):
    """More than one in twenty sent more than 10 ms late, or a core that is full."""
    measured = Measured()
    for number in range(100):
        measured.count(Outcome(0.0, sent=0.05 if number < late else 0.0, end=1.0))
    machine = Machine(10.0, 10.0, cpu, 1, 99, exact_timer=True)
    limits = measured.summary({}, machine).generator.limits
    assert bool(limits) is bool(said)
    assert said in " ".join(limits)


def test_nothing_happened():
    """No division by nothing, and no figure that was not measured."""
    summary = Measured().summary({}, Machine(0.0, 0.0, 0.0, 0, 0, exact_timer=False))
    assert summary.requests == 0
    assert summary.latency_ms.p95 is None

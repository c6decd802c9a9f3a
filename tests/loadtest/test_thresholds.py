"""When a run has failed."""

from __future__ import annotations

import pytest

from llm_gateway.loadtest.measured import Machine, Measured, Outcome
from llm_gateway.loadtest.thresholds import NAMES, Threshold


def summary():
    """A hundred answers that took 10 to 1,000 ms, one of them with an error."""
    measured = Measured()
    for number in range(1, 101):
        error = "500" if number == 100 else ""
        measured.count(Outcome(0.0, sent=0.001, end=number / 100, error=error, output_tokens=10))
    return measured.summary({}, Machine(10.0, 10.0, 0.1, 1, 99, exact_timer=True))


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("p50 > 400ms", True),
        ("p50 > 600ms", False),
        ("p99.9 >= 980ms", True),
        ("max > 1s", False),
        ("lag_p99 > 5ms", False),
        ("service_p50 < 1s", True),
        ("errors > 0", True),
        ("errors > 1", False),
        ("errors >= 1%", True),
        ("errors > 1%", False),
        ("rate < 10", True),
        ("rate < 9", False),
        ("tokens<100", True),
        ("requests < 100", False),
    ],
)
def test_a_threshold_is_what_must_not_be(text, failed):
    """In milliseconds, shares, numbers and rates."""
    assert Threshold.parse(text).judge(summary()).failed is failed


def test_what_was_not_measured_has_failed():
    """There were no streams, so nobody can say that their first tokens came in time."""
    verdict = Threshold.parse("ttft_p95 > 10s").judge(summary())
    assert verdict.failed
    assert verdict.value is None


def test_every_name_can_be_judged():
    """NAMES is what the documentation lists."""
    for name in NAMES:
        limit = "1s" if "p" in name or name.endswith(("mean", "max")) else "1"
        Threshold.parse(f"{name} > {limit}").judge(summary())


@pytest.mark.parametrize("text", ["", "p95", "p95 > ", "p95 > 2", "p95 = 2s", "errors > x%", "rate > 1%", "p95 > 2s or so"])
def test_what_is_no_threshold_is_refused(text):
    """With words that say what is expected."""
    with pytest.raises(ValueError, match=r"expected|needs a unit"):
        Threshold.parse(text)

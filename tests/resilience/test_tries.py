"""Who is asked after a failure, after which pause, or nobody: the whole policy, on a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.core.errors import (
    UpstreamContextOverflow,
    UpstreamError,
    UpstreamFiltered,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm_gateway.resilience.tries import SILENT, Tries
from llm_gateway.routing.route import Route
from llm_gateway.routing.standing import OPEN
from routed import candidate, decision, failed, leg, named, route

NOW = 1000.0


def walk(of: Route, *errors: UpstreamError | None, most: int | None = None) -> list[Any]:
    """The providers that are asked, each with the pause before it if there is one, until nobody is or `errors` end. None: the
    candidate cannot be given the request.
    """
    tries = Tries(decision(of), lambda n: 0.1 * 2**n, most)
    asked: list[Any] = [tries.current.provider]
    now = NOW
    for error in errors:
        step = tries.skip(now) if error is None else tries.after(error, now)
        if step is None:
            return [*asked, None]
        assert step.candidate is tries.current
        now += step.wait
        asked.append((step.candidate.provider, round(step.wait, 3)) if step.wait else step.candidate.provider)
    return asked


def reset() -> UpstreamError:
    return failed(UpstreamError, reason="reset")


def test_the_same_model_elsewhere_at_once():
    """Deployments of one leg are asked one after another without a pause."""
    assert walk(route("abc"), failed(), failed(), failed()) == ["a", "b", "c", None]


def test_from_the_front_again_with_growing_pauses():
    """When all had their turn, the first is asked again after a pause, and so on until the retries are used up."""
    assert walk(route("ab", retries=3), *[failed()] * 5) == ["a", "b", ("a", 0.1), "b", ("a", 0.2), None]


def test_a_rejected_request_is_nobody_elses():
    """The request's own fault is told at once (U17)."""
    assert walk(route("ab", retries=5), failed(UpstreamRejected)) == ["a", None]


@pytest.mark.parametrize("marks", [{"elsewhere_only": True}, *({"reason": reason} for reason in sorted(SILENT))])
def test_some_are_not_asked_twice(marks):
    """Quota, credentials, certificates and silence: the others are asked, this one is not again."""
    assert walk(route("ab", retries=5), failed(UpstreamTimeout, **marks), failed(), failed()) == [
        "a",
        "b",
        ("b", 0.1),
        ("b", 0.2),
    ]
    assert walk(route("a", retries=5), failed(UpstreamTimeout, **marks)) == ["a", None]


@pytest.mark.parametrize("error", [reset(), failed(UpstreamError, reason="server_error")])
def test_one_quick_retry_before_another_model(error):
    """A reset or a single 5xx is repeated once at the same deployment before a different model is asked."""
    assert walk(route("a", "b", retries=1), error, error, failed()) == ["a", "a", "b", None]
    assert walk(route("a", "b"), error, failed()) == ["a", "b", None]


@pytest.mark.parametrize("error", [failed(reason="connect"), failed(UpstreamMalformed), failed(reason="overloaded")])
def test_no_quick_retry_of_what_will_not_pass(error):
    """Refused connections, answers that are none, and overload go to the next model at once."""
    assert walk(route("a", "b"), error, failed()) == ["a", "b", None]


def test_no_quick_retry_where_the_same_model_is_elsewhere():
    """Another deployment of the same model comes before the quick retry."""
    assert walk(route("ab", "c", retries=1), reset(), reset(), reset(), failed()) == ["a", "b", "b", "c", None]


def test_no_quick_retry_through_an_open_circuit():
    """A deployment whose circuit opened meanwhile is not tried again."""
    of = route("a", "b", retries=1)
    named(of)["a"].standing.state = OPEN
    named(of)["a"].standing.until = NOW + 5
    assert walk(of, reset(), failed())[:2] == ["a", "b"]


def test_a_short_pause_is_waited_for_before_another_model():
    """Retry-After of up to max_wait: the same model again after it, and only then the other one."""
    limited = failed(UpstreamRateLimited, reason="rate_limited", after=2.0)
    assert walk(route("a", "b", retries=1), limited, limited, failed()) == ["a", ("a", 2.0), "b", None]


def test_the_shortest_of_the_pauses():
    """Of two deployments that ask for pauses the one that is ready first is asked."""
    longer, shorter = failed(UpstreamRateLimited, after=2.5), failed(UpstreamRateLimited, after=1.0)
    assert walk(route("ab", "c", retries=1), longer, shorter, failed()) == ["a", "b", ("b", 1.0), "c"]


def test_a_pause_of_the_only_deployment():
    """Without another model the pause is waited for as well (U12)."""
    assert walk(route("a", retries=1), failed(UpstreamRateLimited, after=1.0)) == ["a", ("a", 1.0)]


def test_a_pause_that_the_circuit_marks_too():
    """The pause that this request waits for does not count as an open circuit."""
    of = route("a", retries=1)
    named(of)["a"].standing.until, named(of)["a"].standing.reason = NOW + 1.0, "rate_limited"
    assert walk(of, failed(UpstreamRateLimited, reason="rate_limited", after=1.0)) == ["a", ("a", 1.0)]


def test_a_long_pause_is_the_callers():
    """More than max_wait: others are asked, this one is not again (U13)."""
    long = failed(UpstreamRateLimited, after=3.1)
    assert walk(route("ab", retries=2), long, failed(), failed()) == ["a", "b", ("b", 0.1), ("b", 0.2)]
    assert walk(route("a", retries=2), long) == ["a", None]


def test_a_long_prompt_goes_to_larger_models_only():
    """Context overflow: never to the same size, never to an unknown one, to a larger one at once."""
    sized = {"small": 8, "same": 8, "unknown": 0, "large": 100}
    of = route(leg(*(candidate(name, context=size) for name, size in sized.items())), retries=3)
    too_long = failed(UpstreamContextOverflow)
    assert walk(of, too_long) == ["small", "large"]
    assert walk(of, too_long, too_long) == ["small", "large", None]
    assert walk(route("ab"), too_long) == ["a", None]


def test_a_content_filter_is_respected():
    """Exactly one attempt, unless the route says that others may be asked."""
    filtered = failed(UpstreamFiltered)
    assert walk(route("ab", "c", retries=3), filtered) == ["a", None]
    assert walk(route("ab", retries=3, around_filter=True), filtered, filtered) == ["a", "b", None]


def test_who_cannot_be_given_the_request_costs_no_try():
    """A candidate that lacks the operation is passed over, and the number of tries stays."""
    assert walk(route("ab", retries=1), None, failed(), failed()) == ["a", "b", ("b", 0.1), None]


def test_the_callers_own_limit():
    """max_retries of the request counts failovers, too; it cannot be more than the route has."""
    assert walk(route("abc", retries=5), failed(), failed(), most=1) == ["a", "b", None]
    assert walk(route("ab"), failed(), failed(), most=100) == ["a", "b", None]
    assert walk(route("ab"), failed(), most=0) == ["a", None]


def test_all_legs_in_their_order():
    """Fallbacks of fallbacks come after them."""
    assert walk(route("ab", "c", "d"), *[failed()] * 4) == ["a", "b", "c", "d", None]


def test_it_always_ends():
    """Whatever fails how, the number of tries is that of the candidates and retries."""
    kinds = [failed(), reset(), failed(UpstreamRateLimited, after=0.5), failed(UpstreamTimeout, reason="head_timeout")]
    for start in range(4):
        errors = [kinds[(start + index) % 4] for index in range(50)]
        asked = walk(route("ab", "cd", retries=4), *errors)
        assert asked[-1] is None
        assert len(asked) - 1 <= 8


def test_the_last_failure_is_known():
    """What to tell the caller when the rest could not be given the request."""
    tries = Tries(decision(route("ab")), lambda _: 0.0)
    error = failed()
    step = tries.after(error, NOW)
    assert step is not None
    assert tries.skip(NOW) is None, "b was the last"
    assert tries.failed is error


def test_a_rate_limit_of_unknown_length():
    """Without Retry-After the pause that was set for it is waited for once nobody else is left, if the route waits so long."""
    limited = failed(UpstreamRateLimited, reason="rate_limited")
    for pause, expected in ((1.0, ["a", "b", ("a", 1.0)]), (60.0, ["a", "b", ("b", 0.1)])):
        of = route("a", "b", retries=1)
        named(of)["a"].standing.until, named(of)["a"].standing.reason = NOW + pause, "rate_limited"
        assert walk(of, limited, failed()) == expected


def test_an_answer_that_tells_of_a_timeout_is_not_silence():
    """A provider that says 504 or 408 may be asked again (U16)."""
    assert walk(route("a", retries=1), failed(UpstreamTimeout, reason="upstream_timeout")) == ["a", ("a", 0.1)]


def test_without_the_quick_retry():
    """Who broke off an answer twice is not the first to be asked for its rest."""
    tries = Tries(decision(route("a", "b", retries=2)), lambda _n: 0.1, quick=False)
    step = tries.after(reset(), NOW)
    assert step is not None
    assert step.candidate.provider == "b"

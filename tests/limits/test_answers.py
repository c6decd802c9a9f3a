"""What callers are told."""

from __future__ import annotations

from math import inf

import msgspec
import pytest

from limits_support import meter
from llm_gateway.core.json import decode
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.limits.answers import cut_off, duration, limit_name, lines, refusal, session_over
from llm_gateway.limits.meter import State

NOW = 1_700_000_000.0
MONEY = meter("cost", 10**10, 0.0, calendar="month")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.0121, "13ms"), (1.0, "1s"), (59.1, "1m0s"), (360.0, "6m0s"), (3661.0, "1h1m1s"), (inf, "never")],
)
def test_durations_are_written_as_openai_writes_them(seconds, text):
    """Rounded up, so that who waits so long has waited enough."""
    assert duration(seconds) == text.encode()


def test_limits_have_names():
    """By unit and time."""
    names = [limit_name(one) for one in (meter(), meter("tokens", 5, 86400.0), meter("streams", 1, 0.0), MONEY)]
    assert names == ["requests_per_minute", "tokens_per_day", "concurrent_streams", "budget_per_month"]
    assert limit_name(meter("cost", 1, 0.0, calendar="total")) == "budget"
    assert limit_name(meter(period=10.0)) == "requests_per_10s"


def test_429_says_which_limit_and_when_to_come_back():
    """Its state and its owner, in the body; the wait in whole seconds."""
    error = refusal(meter(most=10), State(0, 10, 0, 60.0, 5.5), 1, NOW)
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 5.5)
    assert error.message == "The limit of this API key of 10 requests per minute is reached. Try again in 6s."
    assert error.details == {
        "limit_name": "requests_per_minute",
        "scope": "key",
        "name": "k",
        "unit": "requests",
        "limit": 10,
        "burst": 10,
        "window": 60,
        "remaining": 0,
        "needed": 1,
        "reserved": 0,
        "reset": 1_700_000_060,
        "retry_after_seconds": 6,
    }


def test_402_is_for_money_that_is_spent():
    """With what is settled, reserved and left of it, and when it begins anew; waiting does not help before."""
    error = refusal(MONEY, State(0, 11 * 10**9, 2 * 10**9, 3600.0, 3600.0), 10**7, NOW)
    assert (error.status, error.type, error.code, error.retry_after) == (402, "insufficient_quota", "insufficient_quota", None)
    assert error.message == "The budget of this API key for this month is used up: 11.0 of 10.0 US dollars."
    told = error.details or {}
    assert (told["settled"], told["reserved"], told["limit"], told["reset"]) == (11.0, 2.0, 10.0, 1_700_003_600)


def test_402_also_for_what_the_rest_is_too_small_for():
    """With what would help."""
    error = refusal(MONEY, State(10**9, 9 * 10**9, 0, 3600.0, 3600.0), 2 * 10**9, NOW)
    assert error.status == 402
    assert "has 1.0 US dollars left, and this request is expected to cost 2.0" in error.message
    assert "for this" not in refusal(meter("cost", 1, 0.0, calendar="total"), State(0, 1, 0, inf, inf), 0, NOW).message


def test_money_that_running_requests_hold_is_429():
    """They may give it back: asking again soon helps, and the body shows that nothing of it is spent (peers.md 4b)."""
    error = refusal(MONEY, State(0, 0, 10**10, 3600.0, 1.0), 10**7, NOW)
    assert (error.status, error.code, error.retry_after) == (429, "budget_reserved", 1.0)
    told = error.details or {}
    assert (told["settled"], told["reserved"]) == (0.0, 10.0)


def test_what_never_fits_has_no_time_to_come_back():
    """No Retry-After that would be a lie."""
    error = refusal(meter(most=10), State(10, 0, 0, 0.0, inf), 11, NOW)
    assert error.retry_after is None
    assert (error.details or {})["retry_after_seconds"] is None


def test_places_have_words_of_their_own():
    """Concurrent requests and streams."""
    assert "5 concurrent requests" in refusal(meter("concurrent", 5, 0.0), State(0, 5, 0, 1.0, 1.0), 1, NOW).message
    assert "5 concurrent streams" in refusal(meter("streams", 5, 0.0), State(0, 5, 0, 1.0, 1.0), 1, NOW).message


def test_a_stream_is_cut_with_a_code_of_its_own():
    """budget_exceeded, under 402's details."""
    error = cut_off(MONEY, State(0, 9 * 10**9, 10**9, 3600.0, 1.0), NOW)
    assert (error.status, error.code) == (402, "budget_exceeded")
    assert error.message == "The budget of this API key for this month is used up; the answer was cut off."
    assert (error.details or {})["settled"] == 9.0


def test_what_a_session_is_ended_with():
    """In words: which limit, and when there is room again. Money that others hold comes back; a total never does."""
    spent = session_over(MONEY, State(0, 10**10, 0, 3600.0, 3600.0), 1, NOW)
    assert (spent.status, spent.code) == (402, "budget_exceeded")
    assert spent.message.endswith(
        "is used up: 10.0 of 10.0 US dollars. It begins anew at 2023-11-14T23:13:20Z. The session is ended."
    )
    small = session_over(msgspec.structs.replace(MONEY, calendar="total"), State(10**9, 9 * 10**9, 0, inf, inf), 2 * 10**9, NOW)
    assert small.message == (
        "The budget of this API key has 1.0 US dollars left, and the next answer may cost 2.0. The session is ended."
    )
    held = session_over(MONEY, State(0, 9 * 10**9, 10**9, 3600.0, 1.0), 1, NOW)
    assert (held.status, held.code, held.retry_after) == (429, "budget_reserved", 1.0)
    assert held.message.endswith("reserved by requests that are running. Try again shortly. The session is ended.")
    rate = session_over(meter("tokens", 60), State(0, 60, 0, 60.0, 1.5), 1, NOW)
    assert (rate.status, rate.code) == (429, "rate_limit_exceeded")
    assert rate.message.endswith("of 60 tokens per minute is reached. Try again in 2s. The session is ended.")


def test_callers_of_every_dialect_get_their_own_shape():
    """OpenAI's with code and details, Anthropic's billing_error and rate_limit_error."""
    broke = refusal(MONEY, State(0, 10**10, 0, 3600.0, 3600.0), 1, NOW)
    busy = refusal(meter(), State(0, 10, 0, 60.0, 6.0), 1, NOW)
    told = decode(OPENAI_CHAT.render_error(broke, "r"), dict)["error"]
    assert (told["type"], told["code"]) == ("insufficient_quota", "insufficient_quota")
    assert told["details"]["limit"] == 10.0
    assert [OPENAI_CHAT.status_of(one) for one in (broke, busy)] == [402, 429]
    assert [ANTHROPIC_MESSAGES.status_of(one) for one in (broke, busy)] == [402, 429]
    assert decode(ANTHROPIC_MESSAGES.render_error(broke, "r"), dict)["error"]["type"] == "billing_error"
    assert decode(ANTHROPIC_MESSAGES.render_error(busy, "r"), dict)["error"]["type"] == "rate_limit_error"


def test_header_lines_are_of_the_tightest_limits():
    """Of requests and of tokens, in both notations; what is above the limit for its burst is not shown."""
    minute, hour, tokens = meter(most=60, burst=70), meter(most=1000, period=3600.0), meter("tokens", 5000)
    states = [State(65, 5, 0, 5.0, 0.0), State(20, 980, 0, 3528.0, 0.0), State(4000, 1000, 0, 12.0, 0.0)]
    told = lines([(minute, 1), (hour, 1), (tokens, 100)], states, NOW)
    assert told.decode().splitlines() == [
        "X-RateLimit-Limit: 1000",
        "X-RateLimit-Remaining: 20",
        "X-RateLimit-Reset: 1700003528",
        "X-RateLimit-Window: 3600",
        "X-RateLimit-Limit-Requests: 1000",
        "X-RateLimit-Remaining-Requests: 20",
        "X-RateLimit-Reset-Requests: 58m48s",
        "X-RateLimit-Limit-Tokens: 5000",
        "X-RateLimit-Remaining-Tokens: 4000",
        "X-RateLimit-Reset-Tokens: 12s",
    ]
    assert b"Remaining: 60\r\n" in lines([(minute, 1)], states[:1], NOW)
    names = [line.partition(b":")[0].lower() for line in told.splitlines()]
    assert len(set(names)) == len(names)


def test_budgets_alone_have_no_lines_and_places_do():
    """Money is nobody's business in headers; the number of places is told where there is nothing else."""
    assert lines([(MONEY, 1)], [State(0, 0, 0, 0.0, 0.0)], NOW) == b""
    told = lines([(meter("concurrent", 5, 0.0), 1)], [State(4, 1, 0, 1.0, 0.0)], NOW)
    assert told.startswith(b"X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\n")

"""What attempts leave behind in Standings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.usage import Usage
from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.response import Response
from llm_gateway.resilience.feedback import HALF_LIFE, HEARD_EVERY, PROVEN_SECONDS
from llm_gateway.routing.standing import CLOSED, OPEN, UNKNOWN
from resilience_support import World, failure


def test_running_is_counted_at_both_and_ends_once() -> None:
    """However an attempt ends, and however often that is told."""
    world = World()
    candidate = world.candidate()
    runs = [world.start(candidate) for _ in range(3)]
    assert (candidate.standing.running, candidate.account.running) == (3, 3)
    for _ in range(2):
        world.good(runs[0])
        world.bad(runs[1])
        world.feedback.left(runs[2])
        world.bad(runs[0])
    assert (candidate.standing.running, candidate.account.running) == (0, 0)
    assert candidate.standing.samples == 2


def test_a_whole_answer_teaches_latency_and_output() -> None:
    """The first values as they are, later ones as moving averages."""
    world = World()
    candidate = world.candidate()
    for tokens in (100, 200):
        run = world.start(candidate)
        world.clock.advance(2.0)
        usage = Usage(input=10, output=tokens - 20, reasoning=20)
        world.feedback.succeeded(run, world.now, 2.0, usage)
    standing = candidate.standing
    assert (standing.latency, standing.latency_at, standing.ttft, standing.per_token) == (2.0, world.now, 0.0, 0.0)
    assert standing.output == pytest.approx(110.0)


def test_a_stream_teaches_its_first_token_and_its_pace() -> None:
    """Latency is to the first content; told by `first` or at the end, it counts once."""
    for early in (True, False):
        world = World()
        candidate = world.candidate()
        run = world.start(candidate)
        world.clock.advance(0.5)
        if early:
            world.feedback.first(run, world.now, 0.5)
            assert candidate.standing.ttft == 0.5
        world.clock.advance(2.0)
        world.feedback.succeeded(run, world.now, 2.5, Usage(output=100), 0.5)
        standing = candidate.standing
        assert (standing.latency, standing.ttft) == (0.5, 0.5)
        assert standing.per_token == pytest.approx(0.02)
        world.feedback.first(run, world.now, 9.0)
        assert standing.ttft == 0.5


def test_a_peak_of_latency_counts_at_once_and_fades() -> None:
    """One slow answer is seen in full; fast ones lower it by the time that passes, not by their number."""
    world = World()
    candidate = world.candidate()
    for seconds in (1.0, 8.0):
        world.feedback.succeeded(world.start(candidate), world.now, seconds, None)
    assert candidate.standing.latency == 8.0
    for _ in range(50):
        world.feedback.succeeded(world.start(candidate), world.now, 1.0, None)
    assert candidate.standing.latency == pytest.approx(8.0)
    world.clock.advance(30.0)
    world.feedback.succeeded(world.start(candidate), world.now, 1.0, None)
    assert candidate.standing.latency == pytest.approx(1.0, abs=0.5)


def test_silence_is_slow() -> None:
    """A deployment that let its callers wait in vain has at least that latency."""
    world = World()
    candidate = world.candidate()
    world.ok(candidate)
    run = world.start(candidate)
    world.clock.advance(30.0)
    world.bad(run, "first_token_timeout", stream=True)
    assert candidate.standing.latency == pytest.approx(30.0)


def test_a_callers_short_deadline_is_not_held_against_it() -> None:
    """Nobody takes a deployment away from others by asking with deadlines that it cannot keep."""
    world = World()
    candidate = world.candidate()
    for _ in range(50):
        run = world.start(candidate)
        world.clock.advance(0.05)
        world.bad(run, "deadline")
        world.feedback.left(world.start(candidate))
    assert candidate.standing.state == CLOSED
    assert candidate.standing.success == 1.0


def test_success_and_failure_move_the_average() -> None:
    """It falls with failures and comes back with successes; what was counted fades with time."""
    world = World()
    candidate = world.candidate()
    world.ok(candidate)
    world.fail(candidate, times=3)
    standing = candidate.standing
    assert standing.success == pytest.approx(0.9**3)
    assert standing.bad > 2.9
    world.clock.advance(HALF_LIFE)
    world.ok(candidate)
    assert 1.2 < standing.bad < 1.5
    for _ in range(100):
        world.ok(candidate)
    assert standing.success > 0.999


def test_those_that_are_not_asked_are_forgiven_too() -> None:
    """Failures fade though a deployment has no traffic, so that sampling comes back to it."""
    world = World()
    shunned, other = world.candidate("openai/shunned"), world.candidate("other/good")
    world.fail(shunned, times=4)
    for _ in range(12):
        world.clock.advance(HALF_LIFE / 2)
        world.ok(other)
    assert shunned.standing.bad < 0.1


@pytest.mark.parametrize("reason", ["rejected", "context_overflow", "content_filter", "conflict", "pool"])
def test_the_requests_own_fault_is_nobody_elses(reason: str) -> None:
    """Refused requests neither open a circuit nor lower the rate of successes (faults U17)."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, reason, times=50, status=400)
    assert (candidate.standing.state, candidate.account.state) == (CLOSED, CLOSED)
    assert (candidate.standing.success, candidate.standing.failures) == (1.0, 0)
    assert world.log.events == []


def test_a_rate_limit_is_a_pause_and_no_failure() -> None:
    """For as long as the provider says; the account's other models go on (faults U12)."""
    world = World()
    candidate, sibling = world.candidate("openai/a"), world.candidate("openai/b")
    world.fail(candidate, "rate_limited", times=20, status=429, retry_after=7.0)
    standing = candidate.standing
    assert (standing.state, standing.reason, standing.success, standing.failures) == (CLOSED, "rate_limited", 1.0, 0)
    assert standing.until == pytest.approx(world.now + 7.0)
    assert not world.feedback.admits(candidate, world.now)
    assert world.feedback.admits(sibling, world.now)
    world.clock.advance(7.0)
    assert world.feedback.admits(candidate, world.now)


def test_refused_credentials_pause_the_account_and_alarm() -> None:
    """401: all its models, and an error in the log. New credentials end it (faults U17)."""
    world = World()
    candidate, sibling = world.candidate("openai/a"), world.candidate("openai/b")
    world.fail(candidate, "credentials", status=401)
    assert (candidate.account.reason, candidate.account.state) == ("credentials", CLOSED)
    assert not world.feedback.admits(sibling, world.now)
    assert world.log.lines[0][:2] == ("error", "credentials_pause")
    assert world.log.lines[0][2]["deployment"] == "openai"
    world.standings.configure(world.standings.rules)
    assert world.feedback.admits(sibling, world.now)


def test_a_tenants_own_key_says_nothing_about_the_account() -> None:
    """Refused, rate limited or without credit: that is the tenant's affair. A provider that fails fails everybody."""
    world = World()
    candidate = world.candidate("openai/a")
    for reason, status in (("credentials", 401), ("rate_limited", 429), ("quota", 429)):
        for stream in (False, True):
            run = world.start(candidate)
            world.feedback.failed(run, world.now, failure(reason, status=status, retry_after=60.0), stream=stream, own=True)
            assert world.feedback.admits(candidate, world.now)
    assert (world.log.lines, candidate.standing.success) == ([], 1.0)
    run = world.start(candidate)
    world.feedback.failed(run, world.now, failure("server_error", status=500), stream=False, own=True)
    assert candidate.standing.failures == 1


def test_a_403_stops_nobody_else() -> None:
    """It may be about a file or a feature that the request names: one caller's request must not pause a deployment for others."""
    world = World()
    candidate = world.candidate("openai/a")
    world.fail(candidate, "credentials", status=403, times=20)
    assert world.feedback.admits(candidate, world.now)
    assert world.standings.of("openai/a").failures == 0


def test_credentials_that_the_gateway_fetches_pause_nobody() -> None:
    """A key that somebody has to change is left alone for a while; what the gateway fetches anew by itself is not."""
    world = World()
    fixed, fetched = world.candidate("openai/a"), world.candidate("azure/a")
    fetched.deployment.upstream.authorizer = object()  # type: ignore[assignment] - nobody asks it
    world.fail(fixed, "credentials", status=401)
    world.fail(fetched, "credentials", status=401)
    assert [world.feedback.admits(one, world.now) for one in (fixed, fetched)] == [False, True]


def test_a_bad_certificate_pauses_the_account_and_alarms() -> None:
    """It is never tried again at once, and somebody has to look at it."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, "tls")
    assert candidate.account.reason == "tls"
    assert world.log.lines[0][:2] == ("error", "tls_pause")


def test_a_success_ends_the_pauses_that_it_disproves() -> None:
    """Of an attempt that was started after they began."""
    world = World()
    candidate = world.candidate()
    before = world.start(candidate)
    world.fail(candidate, "quota", status=429)
    world.fail(candidate, "credentials", status=401)
    world.good(before)
    assert candidate.standing.reason == "quota"
    world.clock.advance(1.0)
    world.ok(candidate)
    assert (candidate.standing.reason, candidate.account.reason) == ("", "")
    assert world.feedback.admits(candidate, world.now)


def test_proven_is_who_answered_lately_and_did_not_fail_since() -> None:
    """Neither itself nor its account; the first content of a stream is enough."""
    world = World()
    candidate, sibling = world.candidate("openai/a"), world.candidate("openai/b")
    proven = world.feedback.proven
    assert not proven(candidate, world.now)
    world.ok(candidate)
    assert proven(candidate, world.now)
    assert not proven(candidate, world.now + PROVEN_SECONDS + 1)
    world.fail(candidate)
    assert not proven(candidate, world.now)
    run = world.start(candidate)
    world.clock.advance(0.1)
    world.feedback.first(run, world.now, 0.1)
    assert proven(candidate, world.now)
    world.fail(sibling, "connect")
    assert not proven(candidate, world.now)


def test_a_deployment_that_is_not_kept_is_counted_all_the_same() -> None:
    """A Standing that the registry has no place for: its attempts end as all others, and the account judges."""
    world = World()
    candidate = world.candidate()
    world.standings.circuits.pop("openai/gpt")
    run = world.start(candidate)
    world.good(run)
    world.fail(candidate, "connect", times=5)
    assert candidate.standing.running == 0
    assert candidate.account.state == OPEN


def test_rate_limit_headers_are_heard_now_and_then() -> None:
    """What is left, and until when; read again after a while only, because it takes time."""
    world = World()
    standing = world.candidate().standing

    def heard(left: bytes, name: str = "openai/gpt") -> None:
        lines = b"X-RateLimit-Remaining-Requests: " + left + b"\r\nx-ratelimit-reset-requests: 6s\r\n" if left else b""
        world.feedback.heard(name, Response(ClientLimits(), head=b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"))

    heard(b"59")
    assert (standing.requests_left, standing.tokens_left, standing.left_until) == (59.0, UNKNOWN, world.now + 6.0)
    heard(b"58")
    assert standing.requests_left == 59.0
    for left, shown in ((b"57", 57.0), (b"", 57.0), (b"many", 57.0)):
        world.clock.advance(HEARD_EVERY * 1.01)
        heard(left)
        assert standing.requests_left == shown
    heard(b"1", "nobody/knows")


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(0, 10**9), st.booleans()), max_size=50))
def test_numbers_stay_numbers(attempts: list[tuple[float, float, int, bool]]) -> None:
    """Never NaN, never negative, never more than was seen, whatever times and tokens are told."""
    world = World()
    candidate = world.candidate()
    for seconds, ttft, tokens, stream in attempts:
        run = world.start(candidate)
        world.clock.advance(seconds)
        world.feedback.succeeded(run, world.now, seconds, Usage(output=tokens), ttft if stream else None)
        standing = candidate.standing
        assert 0.0 <= standing.latency <= 1e4 + 1
        assert 0.0 <= standing.ttft <= 1e4
        assert 0.0 <= standing.output <= 1e9
        assert 0.0 <= standing.per_token <= 1e4
        assert 0.0 <= standing.good <= 51.0
        assert standing.success == 1.0

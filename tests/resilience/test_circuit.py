"""Every transition of a circuit, under a fake clock."""

from __future__ import annotations

import pytest

from llm_gateway.resilience.circuit import Rules
from llm_gateway.routing.standing import CLOSED, HALF_OPEN, OPEN
from resilience_support import World


def opened(world: World, name: str = "openai/gpt"):
    candidate = world.candidate(name)
    world.fail(candidate, times=5)
    assert candidate.standing.state == OPEN
    return candidate


def test_failures_in_a_row_open_it() -> None:
    """The fifth does; a success before starts the count anew."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, times=4)
    world.ok(candidate)
    world.fail(candidate, times=4)
    assert candidate.standing.state == CLOSED
    assert candidate.standing.failures == 4
    world.fail(candidate)
    assert candidate.standing.state == OPEN
    assert candidate.standing.reason == "circuit"
    assert candidate.standing.until == pytest.approx(world.now + 1.0)
    assert world.log.events == ["circuit_opened"]
    assert not world.feedback.admits(candidate, world.now)


def test_a_share_of_failures_opens_it() -> None:
    """Every other attempt fails: after ten of them within ten seconds, half is enough, though no two failed in a row."""
    world = World()
    candidate = world.candidate()
    for _ in range(4):
        world.ok(candidate)
        world.fail(candidate)
    assert candidate.standing.state == CLOSED
    world.ok(candidate)
    world.fail(candidate)
    assert candidate.standing.state == OPEN


def test_a_share_of_few_means_nothing() -> None:
    """The same share, spread over time so that the window never holds ten attempts."""
    world = World()
    candidate = world.candidate()
    for _ in range(30):
        world.ok(candidate)
        world.clock.advance(2.0)
        world.fail(candidate)
    assert candidate.standing.state == CLOSED


def test_slow_calls_open_it_where_that_is_wanted() -> None:
    """Half of the calls beyond slow_after, though all went well. By default no call is slow."""
    for rules, state in ((Rules(slow_after=1.0), OPEN), (Rules(), CLOSED)):
        world = World(rules)
        candidate = world.candidate()
        for number in range(12):
            runs = [world.start(candidate)]
            world.clock.advance(0.1 if number % 2 else 1.5)
            world.good(runs[0])
        assert candidate.standing.state == state


def test_after_the_cooldown_few_probes_pass() -> None:
    """The first attempt makes it half-open; three may be under way; the fourth may not."""
    world = World()
    candidate = opened(world)
    world.clock.advance(0.9)
    assert not world.feedback.admits(candidate, world.now)
    world.clock.advance(0.1)
    for left in (2, 1):
        assert world.feedback.admits(candidate, world.now)
        world.start(candidate)
        assert (candidate.standing.state, candidate.standing.probes) == (HALF_OPEN, left)
    world.start(candidate)
    assert not world.feedback.admits(candidate, world.now)


def test_successes_close_it() -> None:
    """Two. When it closed is noted, so that traffic can come back slowly."""
    world = World()
    candidate = opened(world)
    world.clock.advance(1.0)
    world.ok(candidate)
    assert candidate.standing.state == HALF_OPEN
    world.ok(candidate)
    assert candidate.standing.state == CLOSED
    assert candidate.standing.recovered == world.now
    assert (candidate.standing.failures, candidate.standing.until, candidate.standing.reason) == (0, 0.0, "")
    assert world.log.events == ["circuit_opened", "circuit_closed"]


def test_any_failure_opens_it_again_for_twice_as_long() -> None:
    """1, 2, 4 ... 60 seconds."""
    world = World()
    candidate = opened(world)
    lengths = []
    for _ in range(8):
        lengths.append(candidate.standing.until - world.now)
        world.clock.advance(lengths[-1] + 0.001)
        world.fail(candidate)
    assert lengths == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], abs=0.01)


def test_flapping_makes_cooldowns_longer_and_rest_forgets() -> None:
    """A circuit that closes and opens again soon waits longer each time; one that was closed for a minute begins anew."""
    world = World()
    candidate = world.candidate()
    lengths = []
    for rest in (5.0, 5.0, 61.0, 5.0):
        world.fail(candidate, times=5)
        lengths.append(candidate.standing.until - world.now)
        world.clock.advance(lengths[-1] + 0.001)
        world.ok(candidate)
        world.ok(candidate)
        assert candidate.standing.state == CLOSED
        world.clock.advance(rest)
    assert lengths == pytest.approx([1, 2, 4, 1], abs=0.01)


def test_a_late_failure_does_not_reopen_it() -> None:
    """Ten attempts were under way when it opened; they fail after it has closed again, and say nothing about now."""
    world = World()
    candidate = world.candidate()
    old = [world.start(candidate) for _ in range(10)]
    world.fail(candidate, times=5)
    for run in old[:3]:  # while it is open: the cooldown does not grow by them
        world.bad(run)
    assert candidate.standing.until == pytest.approx(world.now + 1.0)
    world.clock.advance(1.0)
    probe = world.start(candidate)
    for run in old[3:6]:  # while it is half-open
        world.bad(run)
    assert candidate.standing.state == HALF_OPEN
    world.good(probe)
    world.ok(candidate)
    for run in old[6:]:
        world.bad(run)
    assert candidate.standing.state == CLOSED
    assert candidate.standing.failures == 0
    assert candidate.standing.running == 0


def test_a_late_success_does_not_close_it() -> None:
    """What was started before it opened went well: that was before."""
    world = World()
    candidate = world.candidate()
    old = [world.start(candidate) for _ in range(3)]
    world.fail(candidate, times=5)
    world.good(old[0])
    assert candidate.standing.state == OPEN
    world.clock.advance(1.0)
    world.start(candidate)
    world.good(old[1])
    world.good(old[2])
    assert candidate.standing.state == HALF_OPEN


def test_a_probe_without_a_verdict_gives_its_place_back() -> None:
    """The caller left, or the request was refused for its own fault: another probe may take the place."""
    world = World()
    candidate = opened(world)
    world.clock.advance(1.0)
    runs = [world.start(candidate) for _ in range(3)]
    world.feedback.left(runs[0])
    assert world.feedback.admits(candidate, world.now)
    world.start(candidate)
    world.bad(runs[1], "rejected")
    assert world.feedback.admits(candidate, world.now)
    assert candidate.standing.state == HALF_OPEN
    assert candidate.standing.probes == 1


def test_probes_that_never_end_are_given_up() -> None:
    """After probe_time others may start; the lost ones do not give their places back a second time, but what they say counts."""
    world = World()
    candidate = opened(world)
    world.clock.advance(1.0)
    lost = [world.start(candidate) for _ in range(3)]
    world.clock.advance(29.0)
    assert not world.feedback.admits(candidate, world.now)
    world.clock.advance(1.0)
    for _ in range(3):
        assert world.feedback.admits(candidate, world.now)
        world.start(candidate)
    assert not world.feedback.admits(candidate, world.now)
    world.feedback.left(lost[0])
    assert not world.feedback.admits(candidate, world.now)
    world.good(lost[1])
    world.good(lost[2])
    assert candidate.standing.state == CLOSED


def test_who_was_started_though_nobody_might_does_not_count() -> None:
    """An attempt in an open circuit neither closes nor prolongs it, and frees no probe's place."""
    world = World()
    candidate = opened(world)
    until = candidate.standing.until
    forced = [world.start(candidate) for _ in range(4)]
    world.good(forced[0])
    world.bad(forced[1])
    assert (candidate.standing.state, candidate.standing.until) == (OPEN, until)
    world.clock.advance(1.0)
    for _ in range(3):
        world.start(candidate)
    world.good(forced[2])
    world.feedback.left(forced[3])
    assert not world.feedback.admits(candidate, world.now)


def test_one_bad_model_never_closes_its_siblings() -> None:
    """Its failures are its own; what all share is the account's."""
    world = World()
    bad, sibling = world.candidate("openai/bad"), world.candidate("openai/good")
    for reason in ("server_error", "overloaded", "head_timeout", "malformed", "cut", "reset"):
        for _ in range(6):
            run = world.start(bad)
            world.clock.advance(601.0)
            world.bad(run, reason)
    assert world.feedback.admits(sibling, world.now)
    assert sibling.account.state == CLOSED
    for reason in ("connect", "dns", "connect_timeout"):
        run = world.start(sibling)
        world.clock.advance(6.0)
        world.bad(run, reason)
    world.fail(world.candidate("openai/third"), "connect", times=2)
    assert sibling.account.state == OPEN
    assert sibling.standing.state == CLOSED
    assert not world.feedback.admits(sibling, world.now)


def test_who_answers_at_all_closes_the_account() -> None:
    """A 500 is no reason to think that the provider cannot be reached."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, "connect", times=5)
    assert candidate.account.state == OPEN
    world.clock.advance(1.0)
    world.fail(candidate)
    world.fail(candidate)
    assert candidate.account.state == CLOSED


def test_a_health_check_ends_the_cooldown() -> None:
    """It becomes half-open at once; the attempts themselves still have to close it."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, "connect", times=5)
    world.standings.circuit(candidate.account).revive(world.now)
    assert candidate.account.state == HALF_OPEN
    assert world.feedback.admits(candidate, world.now)


def test_who_is_the_last_hope_is_asked_after_the_shortest_cooldown() -> None:
    """Where nobody else is left a long cooldown spares nobody anything: a second is enough each time, as long as it lasts."""
    world = World()
    candidate = opened(world)
    assert not world.feedback.urge([candidate], world.now)  # the shortest cooldown is not over
    for _ in range(4):
        world.clock.advance(max(candidate.standing.until - world.now, 0.0))
        world.fail(candidate)
    assert candidate.standing.until - world.now > 10.0
    for _ in range(3):
        world.clock.advance(0.9)
        assert not world.feedback.urge([candidate], world.now)
        world.clock.advance(0.2)
        assert world.feedback.urge([candidate], world.now)
        assert candidate.standing.state == HALF_OPEN
        assert world.feedback.admits(candidate, world.now)
        assert not world.feedback.urge([candidate], world.now)
        world.fail(candidate)
        assert candidate.standing.state == OPEN


def test_an_administrator_resets_it() -> None:
    """Closed, without pauses, and the next cooldown is short."""
    world = World()
    candidate = opened(world)
    world.clock.advance(1.0)
    world.fail(candidate)
    world.fail(candidate, "rate_limited", retry_after=100.0)
    assert world.standings.reset("openai/gpt")
    assert world.feedback.admits(candidate, world.now)
    assert candidate.standing.state == CLOSED
    world.fail(candidate, times=5)
    assert candidate.standing.until == pytest.approx(world.now + 1.0)
    assert not world.standings.reset("nobody/nothing")


def test_without_breakers_nothing_opens_but_pauses_hold() -> None:
    """circuit_breaker.enabled: false, also when an open circuit meets it."""
    world = World()
    candidate = opened(world)
    world.standings.configure(Rules(enabled=False))
    assert candidate.standing.state == CLOSED
    world.fail(candidate, times=50)
    assert candidate.standing.state == CLOSED
    world.fail(candidate, "rate_limited", retry_after=9.0)
    assert not world.feedback.admits(candidate, world.now)


def test_other_rules_hold_at_once() -> None:
    """A reload changes thresholds and the number of probes of circuits that are there."""
    world = World()
    candidate = opened(world)
    world.clock.advance(1.0)
    world.feedback.left(world.start(candidate))
    assert candidate.standing.probes == 3
    world.standings.configure(Rules(probes=1, failures=1, window=20.0))
    assert candidate.standing.probes == 1
    world.ok(candidate)
    world.ok(candidate)
    world.fail(candidate)
    assert candidate.standing.state == OPEN


def test_pause_and_cooldown_together_last_as_long_as_the_longer() -> None:
    """And the reason is the longer one's."""
    world = World()
    candidate = world.candidate()
    run = world.start(candidate)
    opened(world)
    world.bad(run, "rate_limited", retry_after=20.0)
    assert candidate.standing.reason == "rate_limited"
    assert candidate.standing.until == pytest.approx(world.now + 20.0)
    world.clock.advance(20.0)
    world.ok(candidate)
    assert candidate.standing.state == HALF_OPEN

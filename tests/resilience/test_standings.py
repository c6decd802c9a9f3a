"""The registry: bounded, and of one mind about who is who."""

from __future__ import annotations

from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience.circuit import PLAIN
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.standing import OPEN
from resilience_support import Noted, World


def few(most: int = 3) -> Standings:
    return Standings(FakeClock(), Noted(), most=most)


def test_the_same_name_is_the_same_standing() -> None:
    """Also after a reload: a route that is made anew finds what is known."""
    standings = few()
    first = standings.of("openai/a")
    standings.configure(PLAIN, ["openai/b"])
    assert standings.of("openai/a") is first
    assert standings.account("openai") is standings.account("openai")
    assert standings.circuit(first) is standings.circuit(first)


def test_strangers_fill_only_their_share() -> None:
    """Names beyond the bound get a Standing that is not kept; who is configured, and accounts, always have a place."""
    standings = few()
    for number in range(50):
        standings.of(f"openai/{number}").latency = 1.0
    assert len(standings.rows()) == 3
    assert standings.of("openai/new") is not standings.of("openai/new")
    stray = standings.of("openai/new")
    assert standings.circuit(stray) is not standings.circuit(stray)
    assert standings.account("openai") is standings.account("openai")
    standings.keep(["openai/soon"])
    assert standings.of("openai/soon") is standings.of("openai/soon")
    standings.configure(PLAIN, ["openai/mine"])
    assert standings.of("openai/mine") is standings.of("openai/mine")
    assert standings.find("openai/new") is None


def test_names_that_never_answered_make_room() -> None:
    """Those that are no models do not keep out those that are."""
    standings = few()
    standings.of("openai/real").latency = 1.0
    for number in range(2):
        standings.of(f"openai/{number}")
    assert standings.of("openai/next") is standings.of("openai/next")
    assert {row.name for row in standings.rows()} == {"openai/real", "openai/next"}


def test_rows_tell_states_as_gauges() -> None:
    """0 closed, 1 half-open, 2 open, with the seconds that are left (requirements C2)."""
    world = World()
    candidate = world.candidate("openai/a")
    world.candidate("openai/b")
    world.fail(candidate, times=5)
    rows = {row.name: row for row in world.standings.rows()}
    assert (rows["openai/a"].gauge, rows["openai/a"].state, rows["openai/a"].reason) == (OPEN, "open", "circuit")
    assert 0.9 < rows["openai/a"].seconds <= 1.0
    assert (rows["openai/b"].gauge, rows["openai/b"].seconds, rows["openai/b"].reason) == (0, 0.0, "")
    world.clock.advance(1.0)
    run = world.start(candidate)
    assert world.standings.rows(["openai/a", "not/there"])[0].gauge == 1
    world.feedback.left(run)


def test_a_pause_that_is_over_is_not_shown() -> None:
    """Its reason stays for growing, and says nothing about now."""
    world = World()
    candidate = world.candidate()
    world.fail(candidate, "rate_limited")
    assert world.standings.rows(["openai/gpt"])[0].reason == "rate_limited"
    world.clock.advance(5.0)
    assert world.standings.rows(["openai/gpt"])[0].reason == ""


def test_it_can_do_without_a_log() -> None:
    """As where a configuration is only compiled."""
    standings = Standings()
    circuit = standings.circuit(standings.of("a/b"))
    for _ in range(5):
        circuit.failed(circuit.epoch, 1.0)
    assert standings.of("a/b").state == OPEN

"""When requests are turned away, which, and that it ends again."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from llm_gateway.config.schema.bulkheads import Shedding as Settings
from llm_gateway.config.values import Size
from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience.shedding import INTERVAL, Shedding, Usage

CLASSES = ("low", "normal", "high", "critical")


class World:
    """A Shedding that is told how late the loop is and how full the memory."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.full = 0.0
        self.looks = 0
        self.lines: list[dict[str, Any]] = []
        self.clock = FakeClock()
        self.draws = random.Random(1)
        self.shedding = Shedding(self.clock.monotonic, self.draws.random, self.log)
        self.shedding.configure(settings or Settings(), self.look)

    def log(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append({"level": level, "event": event, **fields})

    def look(self) -> float:
        self.looks += 1
        return self.full

    def late(self, seconds: float, beats: int = 1) -> float:
        """The pressure after so many late beats."""
        for _ in range(beats):
            self.clock.advance(INTERVAL + seconds)
            self.shedding.beat(self.clock.monotonic(), seconds)
        return self.shedding.pressure

    def turned_away(self, name: str | None, of: int = 1000) -> float:
        """The share of requests of a class."""
        headers = {} if name is None else {b"x-gateway-priority": name.encode()}
        return sum(self.shedding.refusal(headers) is not None for _ in range(of)) / of


def test_a_loop_in_time_turns_nobody_away():
    """Lateness below the threshold is no overload."""
    world = World()
    assert world.late(0.2, 100) == 0.0
    assert [world.turned_away(name) for name in CLASSES] == [0, 0, 0, 0]


def test_a_single_pause_does_not_count():
    """One long stop, such as a slow start or a suspended machine."""
    world = World()
    world.late(0.0, 5)
    world.late(3.0, 2)
    assert world.late(0.0, 5) == 0.0


def test_lateness_that_lasts_turns_away_low_first_then_more():
    """Class by class, a share at a time; in the end everybody."""
    world = World()
    world.late(0.3, 3)
    assert 0.0 < world.turned_away("low") < 0.5
    assert [world.turned_away(name) for name in CLASSES[1:]] == [0, 0, 0]
    while world.late(0.3) <= 1.5:
        pass
    assert world.turned_away("low") == 1.0
    assert 0.3 < world.turned_away("normal") < 0.9
    assert [world.turned_away(name) for name in CLASSES[2:]] == [0, 0]
    assert world.late(0.3, 50) == 4.0
    assert world.turned_away("critical") == 1.0


def test_more_lateness_presses_harder():
    """Five times the threshold reaches in one beat what the threshold itself takes five for."""
    little, much = World(), World()
    assert much.late(1.25, 3) == pytest.approx(little.late(0.25, 7))


def test_between_the_thresholds_nothing_changes():
    """Hysteresis: less is not yet little. Then it comes back bit by bit, not at once."""
    world = World()
    before = world.late(0.5, 6)
    assert world.late(0.2, 20) == before > 1
    falling = [world.late(0.0) for _ in range(100)]
    assert falling == sorted(falling, reverse=True)
    assert falling[5] > 0
    assert falling[-1] == 0.0


@pytest.mark.parametrize(
    ("share", "low", "normal", "critical"),
    [(0.84, 0, 0, 0), (0.86, 0.5, 0, 0), (0.90, 1, 0.66, 0), (0.97, 1, 1, 1), (2, 1, 1, 1)],
)
def test_memory(share, low, normal, critical):
    """From 85 % on, in proportion; at 97 % all."""
    world = World()
    world.full = share
    world.late(0.0)
    found = [world.turned_away(name) for name in ("low", "normal", "critical")]
    assert found == pytest.approx([low, normal, critical], abs=0.06)


def test_memory_has_hysteresis_and_is_looked_at_once_a_second():
    """Once it began it lasts until 80 %."""
    world = World()
    for full, pressed in ((0.82, False), (0.86, True), (0.82, True), (0.79, False), (0.82, False)):
        world.full = full
        assert (world.late(0.0, 25) > 0) is pressed
    assert 5 <= world.looks <= 125 * INTERVAL + 1


def test_the_greater_pressure_counts():
    """Memory alone, then lateness beyond it."""
    world = World()
    world.full = 0.88
    assert world.late(0.0, 11) == pytest.approx(1.0)
    assert world.late(0.3, 12) > 1.5


def test_what_a_caller_is_told():
    """503 overloaded, with a Retry-After that is not the same for everybody."""
    world = World()
    world.late(1.0, 20)
    errors = [world.shedding.refusal({}) for _ in range(50)]
    assert {(error.status, error.code) for error in errors if error} == {(503, "overloaded")}
    waits = [error.retry_after or 0 for error in errors if error]
    assert min(waits) < 4
    assert 6 < max(waits) <= 7.5


@pytest.mark.parametrize(
    ("named", "like"),
    [(None, "normal"), ("nonsense", "normal"), ("\xff", "normal"), (" HIGH ", "high"), ("critical", "critical")],
)
def test_the_class_is_what_the_header_says(named, like):
    """What is not a class is a normal request."""
    world = World()
    world.late(0.3, 9)
    assert 1 < world.shedding.pressure < 2
    refused = list(world.shedding.refused)
    world.turned_away(named)
    assert [now > before for now, before in zip(world.shedding.refused, refused, strict=True)] == [
        False,
        like == "normal",
        False,
        False,
    ]


def test_what_was_turned_away_is_counted_and_logged_once_a_second():
    """One line for many requests, with how bad it is."""
    world = World()
    world.late(0.3, 15)
    world.turned_away("low", of=70)
    world.late(0.3)
    world.turned_away("low", of=30)
    world.late(0.0, 5)
    assert world.shedding.refused == [100, 0, 0, 0]
    assert [(line["level"], line["event"], line["requests"]) for line in world.lines] == [("warning", "requests_shed", 70)]
    assert world.lines[0]["lag_ms"] == 300
    world.late(0.0, 20)
    assert [line["requests"] for line in world.lines] == [70, 30]
    world.late(0.0, 50)
    assert len(world.lines) == 2


def test_switched_off_it_turns_nobody_away():
    """Also when a reload switches it off in the middle of it."""
    world = World()
    world.late(1.0, 20)
    world.shedding.configure(Settings(enabled=False))
    assert world.late(1.0, 20) == 0.0
    world.shedding.configure(Settings(), lambda: 0.0)
    assert world.late(1.0, 3) > 0


def test_a_size_of_its_own_is_compared_with_the_process():
    """1 MB is too little for any Python, 1 TB enough."""
    assert Usage(Size(1 << 20)).share() > 1
    assert 0 < Usage(Size(1 << 40)).share() < 0.01
    assert Usage(None).share() >= 0.0


def test_the_timer_sees_a_loop_that_is_kept_busy(monkeypatch):
    """A real loop, blocked again and again for longer than the threshold, and left alone afterwards."""
    monkeypatch.setattr("llm_gateway.resilience.shedding.INTERVAL", 0.01)

    async def test() -> None:
        shedding = Shedding(time.monotonic, random.random)
        shedding.configure(Settings(lag=type(Settings().lag)(0.02)), lambda: 0.0)
        shedding.start()
        for _ in range(6):
            await asyncio.sleep(0.004)
            time.sleep(0.03)  # noqa: ASYNC251 - the very thing that is measured
        pressed = shedding.pressure
        shedding.close()
        seen = shedding.late
        await asyncio.sleep(0.03)
        assert pressed > 0
        assert shedding.late == seen

    asyncio.run(test())

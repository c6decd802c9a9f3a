"""Budgets under many streams, several workers, one Redis, and things that break. `make races` runs it for long."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from e2e.racing import LONGEST, Disturber, Race, Racers, configuration, disturbed, overspent
from e2e.simulator_process import simulator_process
from gateway_process import running_gateway
from servers import RedisServer, redis_server

SECONDS = float(os.environ.get("RACE_SECONDS", "5"))
LONG = SECONDS > 30
__all__ = ["redis_server"]
pytestmark = pytest.mark.timeout(SECONDS * 2 + 120)


@pytest.mark.parametrize(
    "broken", [False, pytest.param(True, marks=pytest.mark.long)], ids=["undisturbed", "partitions and kills"]
)
def test_a_hard_budget_holds(redis_server: RedisServer, tmp_path: Path, broken: bool) -> None:
    """Peers 4b, C26, C27: streams of many keys race for hard budgets; none is exceeded by more than the answers that were running,
    and nobody is refused while there is money."""
    workers, streams, together = (8, 500, 20) if LONG else (2, 60, 20)
    race = Race(
        streams, together, budget=80 * 270_000 if LONG else 30 * 400_000, keys=int(streams / together * max(SECONDS, 10) / 4) + 5
    )
    disturber = None
    with simulator_process(tmp_path, 10.0 if LONG else 40.0) as simulator:
        config = configuration(race, simulator.url, redis_server.url, workers)
        with running_gateway(config, tmp_path) as gateway:

            async def run() -> None:
                nonlocal disturber
                racers = Racers(race, gateway.port, seed=1)
                if not broken:
                    await racers.run(SECONDS)
                    return
                disturber = Disturber(race, gateway, redis_server, seed=2, pause=3.0 if LONG else 1.0)
                with disturbed(disturber.run):
                    await racers.run(SECONDS)

            asyncio.run(run())
    spent = overspent(race, simulator.served)
    said = {
        "seconds": SECONDS,
        "workers": workers,
        "streams": streams,
        "asked": race.asked,
        "served": len(simulator.served),
        "statuses": dict(race.statuses),
        "refused": race.refused,
        "refused falsely": race.refused_falsely,
        "refused alone": race.refused_alone,
        "budgets used up": len(race.exhausted),
        "keys above": spent.keys,
        "worst, of a budget": round(spent.whole / race.budget, 4),
        "worst with cut answers": round(spent.all / race.budget, 4),
        "worst, in requests": round(spent.whole / race.price(LONGEST), 2),
        "disturbed": dict(disturber.done) if disturber else {},
    }
    print(msgspec.json.encode(said).decode())
    for example in race.examples:
        print(example)
    assert race.exhausted
    assert not set(race.statuses) - {"200", "402", "429", "cut", "0"}, said
    assert race.refused_falsely <= max(race.asked * 0.001, 0 if LONG else 3), said
    assert spent.whole <= together * race.price(LONGEST), said

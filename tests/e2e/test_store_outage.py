"""PostgreSQL and Redis are gone under full load, and come back. `make outage` keeps them away for ten minutes."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest

from e2e.racing import Race, ask, configuration, payload
from e2e.simulator_process import simulator_process
from e2e.world import eventually
from gateway_process import running_gateway
from servers import Postgres, RedisServer, postgres, redis_server
from store_support import new_database

__all__ = ["postgres", "redis_server"]
MINUTES = float(os.environ.get("OUTAGE_MINUTES", "0"))
AWAY = MINUTES * 60 or 8.0
STREAMS = 100 if MINUTES else 24
BEFORE = AFTER = 4.0
SHIPPING = 60.0 + AWAY / 10
"""Seconds until the store must have all that was kept on disk meanwhile."""
pytestmark = [pytest.mark.long, pytest.mark.timeout(AWAY + SHIPPING + 120)]


class Load:
    """Streams that ask without pause: one in ten with a key that nobody knows. `clients`: how many."""

    def __init__(self, race: Race, port: int, clients: int) -> None:
        self._race = race
        self._port = port
        self._clients = clients
        self._over = False
        self._number = 0
        self.known: Counter[int] = Counter()
        self.unknown: Counter[int] = Counter()
        self.broken = 0
        self.slowest = 0.0

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._client(number, end) for number in range(self._clients)))

    async def _client(self, client: int, end: float) -> None:
        while time.monotonic() < end:
            self._number += 1
            number = self._number
            stranger = number % 10 == 0
            key = "stranger" if stranger else self._race.key(client % self._race.keys)
            began = time.monotonic()
            status, body = await ask(self._port, key, payload(key[:6], number, 10))
            self.slowest = max(self.slowest, time.monotonic() - began)
            (self.unknown if stranger else self.known)[status] += 1
            self.broken += status == 200 and b"data: [DONE]" not in body
            if stranger:
                await asyncio.sleep(0.05)


def test_nobody_who_asks_notices(redis_server: RedisServer, postgres: Postgres, tmp_path: Path) -> None:
    """C32 (peers L#38121, L#34479, L PR#35273): no wrong 401, no 5xx, and every row is in the database afterwards, once."""
    url = new_database()
    race = Race(STREAMS, 1, budget=10**12, keys=20)
    with simulator_process(tmp_path, 20.0) as simulator:
        config = configuration(race, simulator.url, redis_server.url, workers=2)
        config["database"] = {"url": url, "migrate": "auto", "timeout": "2s"}
        for key in config["auth"]["keys"][1:]:
            key["limits"] = {"requests": {"minute": 10**6}, "concurrent": 1000}
        with running_gateway(config, tmp_path) as gateway:
            assert eventually(lambda: httpx.get(f"{gateway.url}/health/ready").status_code == 200, 30)
            load = Load(race, gateway.port, STREAMS)

            async def run() -> None:
                loading = asyncio.ensure_future(load.run(BEFORE + AWAY + AFTER))
                await asyncio.sleep(BEFORE)
                await asyncio.to_thread(postgres.stop, "fast")
                redis_server.stop()
                try:
                    await asyncio.sleep(AWAY)
                finally:
                    await asyncio.to_thread(postgres.start)
                    redis_server.start()
                await loading

            asyncio.run(run())
            answered = load.known[200]
            end, stored = time.monotonic() + SHIPPING, (0, 0)
            while stored[0] < answered and time.monotonic() < end:
                time.sleep(0.2)
                stored = rows(url)
            said = {
                "seconds": AWAY,
                "clients": STREAMS,
                "known": dict(load.known),
                "strangers": dict(load.unknown),
                "cut": load.broken,
                "slowest": round(load.slowest, 2),
                "rows": stored,
                "until all were there": round(time.monotonic() - end + SHIPPING, 1),
            }
            print(msgspec.json.encode(said).decode())
    assert set(load.known) == {200}, said
    assert set(load.unknown) == {401}, said
    assert not load.broken, said
    assert stored == (answered, answered), said
    assert len(simulator.served) == answered


def rows(url: str) -> tuple[int, int]:
    """Of requests that were served, and of their ids; (0, 0) while there is no table yet."""
    try:
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT count(*), count(DISTINCT id) FROM ledger WHERE http_status = 200").fetchone()
    except psycopg.Error:
        return (0, 0)
    assert found is not None
    return found[0], found[1]

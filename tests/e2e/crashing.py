"""Kills what a gateway is made of, under load, again and again; and what the ledger then says, beside what the provider saw.

Every request has a number, in its prompt for the provider and as its `user` for the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from e2e.processes import children
from e2e.simulator_process import Served, prompt
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.core.clock import SystemClock
from llm_gateway.store import rollups
from llm_gateway.store.connect import Store
from llm_gateway.store.tables import ledger
from servers import Postgres

INPUT, OUTPUT = 1_000, 10_000
"""Nano-dollars of a token."""
IN_A_ROUND = 8
"""Kills until the whole gateway is killed: each costs the supervisor a longer pause."""
SERVES = 20.0
"""Seconds that a gateway, or what is left of it, may take to answer somebody again before the next kill."""
CALM = 30.0
"""Seconds that everything may take to come into the store when nothing is killed any more."""


@dataclass
class Crashes:
    """What was done and what clients saw."""

    kills: int
    load: int = 12
    asked: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    whole: dict[int, int] = field(default_factory=dict)
    """Numbers that were answered to the end, and with how many tokens."""
    port: int = 0

    @property
    def done(self) -> int:
        return self.killed.total()


def configuration(simulator: str, database: str | None, workers: int) -> dict[str, Any]:
    """Budgets that never refuse, where one worker counts them."""
    budget = {"amount": 900_000, "period": "total", "hard": False}
    key = {"name": "tests", "key": KEY, **({"budgets": [budget]} if workers == 1 else {})}
    made: dict[str, Any] = {
        "server": {"workers": workers, "drain": "2s"},
        "auth": {"keys": [key]},
        "ledger": {"segment": "1MB", "keep": "0s"},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": {"deployments": ["sim/priced"], "retries": 0}},
        "catalogue": {"models": {"sim/priced": {"prices": {"input": INPUT / 1000, "output": OUTPUT / 1000}}}},
        "resilience": {"circuit_breaker": {"enabled": False}, "shedding": {"enabled": False}, "health_check": {"enabled": False}},
    }
    if database is not None:
        made["database"] = {"url": database, "migrate": "auto", "timeout": "3s"}
    return made


def payload(number: int, tokens: int) -> bytes:
    """Every other one is a stream."""
    stream = {"stream": True, "stream_options": {"include_usage": True}} if number % 2 else {}
    message = {"role": "user", "content": prompt("k", number, tokens)}
    return msgspec.json.encode({"model": "m", "user": f"n{number}", "max_tokens": tokens, "messages": [message], **stream})


async def ask(port: int, body: bytes) -> tuple[int, bytes]:
    """Status and what came behind the head; status 0: the connection broke."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    got, writer = b"", None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body)
        while piece := await asyncio.wait_for(reader.read(1 << 16), 20):
            got += piece
    except (OSError, TimeoutError):
        pass
    finally:
        if writer is not None:
            writer.close()
    return int(got[9:12]) if got.startswith(b"HTTP/1.1 ") else 0, got.partition(b"\r\n\r\n")[2]


class Load:
    """Clients that never stop asking."""

    def __init__(self, crashes: Crashes, seed: int) -> None:
        self._crashes = crashes
        self._draw = random.Random(seed)
        self.over = False

    async def run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._crashes.load)))

    async def _client(self) -> None:
        crashes = self._crashes
        while not self.over:
            crashes.asked += 1
            number, tokens = crashes.asked, self._draw.randint(5, 40)
            status, body = await ask(crashes.port, payload(number, tokens))
            whole = status == 200 and (b"data: [DONE]" in body if number % 2 else body.rstrip().endswith(b"}"))
            crashes.statuses["200" if whole else "cut" if status == 200 else str(status)] += 1
            if whole:
                crashes.whole[number] = tokens
            elif not status:
                await asyncio.sleep(0.05)


class Killer:
    """One after the other, at moments that nobody chose."""

    def __init__(self, crashes: Crashes, postgres: Postgres | None, seed: int) -> None:
        self._crashes = crashes
        self._postgres = postgres
        self._draw = random.Random(seed)

    async def round(self, gateway: GatewayProcess, most: int) -> None:
        """At last everything at once."""
        for _ in range(most - 1):
            if self._draw.random() < 0.8:  # the others strike what is only beginning again
                await self._serves()
            await asyncio.sleep(0.1 + self._draw.random() * 1.2)
            kind = self._draw.choice(("worker", "worker", "control", "database" if self._postgres else "control"))
            if kind == "database":
                await asyncio.to_thread(self._database)
            elif not self._child(gateway, kind):
                continue
            self._crashes.killed[kind] += 1
        await self._serves()
        await asyncio.sleep(0.2 + self._draw.random())
        everybody = [gateway.process.pid, *children(gateway.process.pid)]
        self._draw.shuffle(everybody)
        for pid in everybody:
            _kill(pid)
        self._crashes.killed["everything"] += 1

    async def _serves(self) -> None:
        """Until somebody was answered: on a slow machine kills would otherwise only meet processes that never served."""
        end, before = time.monotonic() + SERVES, len(self._crashes.whole)
        while len(self._crashes.whole) == before and time.monotonic() < end:
            await asyncio.sleep(0.02)

    def _child(self, gateway: GatewayProcess, kind: str) -> bool:
        """Control is the one that was started as a program."""
        found = [pid for pid in children(gateway.process.pid) if (_role(pid) == "control") is (kind == "control")]
        if not found:
            return False
        _kill(self._draw.choice(found))
        return True

    def _database(self) -> None:
        assert self._postgres is not None
        if self._draw.random() < 0.5:
            self._postgres.stop()
        else:
            pid = int((self._postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
            _kill(pid)
            while (Path("/proc") / str(pid)).exists() and b"postgres" in (Path("/proc") / str(pid) / "cmdline").read_bytes():
                time.sleep(0.01)
        time.sleep(self._draw.random() * 0.3)
        for _ in range(20):  # those that it left behind may still hold its memory
            with contextlib.suppress(RuntimeError):
                self._postgres.start()
                return
            time.sleep(0.1)
        raise RuntimeError("PostgreSQL does not start again")


def crash(
    crashes: Crashes, config: dict[str, Any], folder: Path, store: Callable[[], Store], postgres: Postgres | None, seed: int = 1
) -> list[tuple[Any, ...]]:
    """All kills; then the rows of the ledger: user, id, status, cost, output, estimated."""
    load, killer = Load(crashes, seed), Killer(crashes, postgres, seed)

    async def run() -> None:
        asking = asyncio.create_task(load.run())
        try:
            while crashes.done < crashes.kills:
                with running_gateway(config, folder, status=-signal.SIGKILL) as gateway:
                    crashes.port = gateway.port
                    await killer.round(gateway, min(IN_A_ROUND, crashes.kills - crashes.done))
        finally:
            load.over = True
            await asking

    asyncio.run(run())
    with running_gateway(config, folder), _opened(store) as opened:
        end, before = time.monotonic() + CALM, (-1, -1)
        while time.monotonic() < end:
            time.sleep(1.5)
            now = opened.read(_progress)
            if now == before:
                break
            before = now
    with _opened(store) as opened:
        return opened.read(_rows)


def differences(store: Store) -> list[Any]:
    """What is folded and is not what the rows say."""

    def look(connection: Connection) -> list[Any]:
        found: list[Any] = [*Budgets(SystemClock()).differences(connection)]
        days = rollups.days(connection)
        for day in () if days is None else range(days[0], days[1] + 1, rollups.DAY):
            found += rollups.differences(connection, day)
        return found

    return store.read(look)


def judged(crashes: Crashes, rows: list[tuple[Any, ...]], served: list[Served]) -> dict[str, Any]:
    """The ledger beside the provider's own log: what must be empty or nothing, and what is good to know."""
    numbers = Counter(int(user[1:]) for user, *_ in rows)
    seen = {one.number: one for one in served}
    by_number = {int(user[1:]): (status, cost, output, estimated) for user, _, status, cost, output, estimated in rows}
    wrong = []
    for number, tokens in crashes.whole.items():
        status, cost, output, _ = by_number.get(number, ("missing", 0, 0, False))
        if status == "completed" and (output != tokens or cost < tokens * OUTPUT):
            wrong.append((number, status, cost, output, tokens))
    return {
        "lost": sorted(seen.keys() - numbers.keys()),
        "doubled": sorted(number for number, count in numbers.items() if count > 1),
        "provider asked twice": [number for number, count in Counter(one.number for one in served).items() if count > 1],
        "free": [number for number in seen if by_number.get(number, ("", 1))[1] == 0],
        "wrong": wrong,
        "rows": len(rows),
        "at the provider": len(seen),
        "statuses": dict(Counter(status for _, _, status, *_ in rows)),
        "answered whole": len(crashes.whole),
        "clients saw": dict(crashes.statuses),
        "killed": dict(crashes.killed),
    }


@contextlib.contextmanager
def _opened(store: Callable[[], Store]) -> Iterator[Store]:
    opened = store()
    try:
        yield opened
    finally:
        opened.close()


def _rows(connection: Connection) -> list[tuple[Any, ...]]:
    wanted = ledger.c
    query = select(wanted.end_user, wanted.id, wanted.status, wanted.cost, wanted.output, wanted.estimated)
    return [tuple(row) for row in connection.execute(query)]


def _progress(connection: Connection) -> tuple[int, int]:
    rows = _rows(connection)
    return len(rows), sum(row[2] == "interrupted" for row in rows)


def _role(pid: int) -> str:
    try:
        return "control" if b"llm_gateway.control" in (Path("/proc") / str(pid) / "cmdline").read_bytes() else "worker"
    except OSError:
        return ""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

"""Many streams race for budgets through several workers and one Redis, while both are disturbed; and what that came to.

Every key has one hard budget. A `Racer` asks with it until it is refused, a while longer to see whether it stays refused, and goes on
to the next key. What was really spent is told by the simulator, at the price of each request, not by the gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import math
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from e2e.simulator_process import Served, prompt
from gateway_process import GatewayProcess
from servers import RedisServer

ADMIN = "sk-admin-races-0123456789abcdef"
INPUT, OUTPUT = 1_000, 10_000
"""Nano-dollars of a token."""
PROMPT_TOKENS = 16
"""About what the simulator counts for a prompt; learned exactly from the first answer."""
SHORTEST, LONGEST = 10, 40
MARGIN = 1.25
"""Short prompts are reserved by their bytes, which are more than their tokens: up to this much more of an answer's price."""
PATIENT = {"connect": "30s", "head": "60s", "first_token": "60s", "idle": "60s", "total": "120s"}
"""The machine is full; that is nobody's failure."""
RECONNECTING = 1.5
"""Seconds that workers may need to find Redis again."""
ONCE_MORE = 3
"""How often each stream of a key asks again after it was refused."""


@dataclass
class Race:
    """`budget`: nano-dollars of each key."""

    streams: int
    together: int
    budget: int
    keys: int
    statuses: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    refused: int = 0
    refused_falsely: int = 0
    """While there was money, and Redis was there to say so."""
    refused_alone: int = 0
    """While there was money, but Redis was away: a worker that has used up its part cannot know better (docs/LIMITS.md)."""
    alone_until: float = 0.0
    """Until when (monotonic) workers may be on their own."""
    exhausted: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    prompt_tokens: int = PROMPT_TOKENS

    def price(self, tokens: int) -> int:
        """Of a whole answer with so many tokens."""
        return self.prompt_tokens * INPUT + tokens * OUTPUT

    def key(self, number: int) -> str:
        return f"k{number:05d}"


@dataclass
class Account:
    """What is known from outside of one key."""

    name: str
    settled: int = 0
    running: int = 0
    refused: int = 0


def configuration(race: Race, simulator: str, redis: str, workers: int, lease: str = "30s", **limits: Any) -> dict[str, Any]:
    """A gateway with `workers` and a budget for each key."""
    budget = {"amount": race.budget / 1e9, "period": "total"}
    keys = [{"name": race.key(n), "key": secret(race.key(n)), "budgets": [budget]} for n in range(race.keys)]
    prices = {"input": INPUT / 1000, "output": OUTPUT / 1000}
    return {
        "server": {"workers": workers},
        "redis": {"url": redis, "timeout": "250ms"},
        "limits": {"lease": lease, **limits},
        "auth": {"keys": [{"name": "admin", "key": ADMIN, "kind": "admin"}, *keys]},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": {"deployments": ["sim/priced"], "retries": 0, "timeouts": PATIENT}},
        "catalogue": {"models": {"sim/priced": {"prices": prices}}},
        "resilience": {
            "circuit_breaker": {"enabled": False},
            "shedding": {"enabled": False},
            "health_check": {"enabled": False},
        },
    }


def secret(key: str) -> str:
    return f"sk-gateway-race-{key}-0123456789"


def payload(key: str, number: int, tokens: int) -> bytes:
    """A stream with its usage."""
    message = {"role": "user", "content": prompt(key, number, tokens)}
    return msgspec.json.encode(
        {
            "model": "m",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": tokens,
            "messages": [message],
        }
    )


async def ask(port: int, key: str, body: bytes) -> tuple[int, bytes]:
    """Status and what came behind the head; status 0: the connection broke before there was one."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {secret(key)}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    got = b""
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body)
        while piece := await reader.read(1 << 16):
            got += piece
    except OSError:
        pass
    finally:
        if writer is not None:
            writer.close()
    status = int(got[9:12]) if got.startswith(b"HTTP/1.1 ") else 0
    return status, got.partition(b"\r\n\r\n")[2]


class Racers:
    """`race.streams` streams, `race.together` at each key, for so many seconds."""

    def __init__(self, race: Race, port: int, seed: int) -> None:
        self._race = race
        self._port = port
        self._draw = random.Random(seed)
        self._next = 0
        self._number = 0

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._crew(end) for _ in range(self._race.streams // self._race.together)))

    async def _crew(self, end: float) -> None:
        while time.monotonic() < end and self._next < self._race.keys:
            account = Account(self._race.key(self._next))
            self._next += 1
            await asyncio.gather(*(self._stream(account, end) for _ in range(self._race.together)))

    async def _stream(self, account: Account, end: float) -> None:
        refused = 0
        await asyncio.sleep(self._draw.random())
        while time.monotonic() < end and refused <= ONCE_MORE:
            if await self._one(account):
                refused += 1
                await asyncio.sleep(0.05 + 0.3 * self._draw.random())

    async def _one(self, account: Account) -> bool:
        """Whether it was refused."""
        race = self._race
        tokens = self._draw.randint(SHORTEST, LONGEST)
        self._number += 1
        race.asked += 1
        price = race.price(tokens)
        account.running += price
        status, body = await ask(self._port, account.name, payload(account.name, self._number, tokens))
        account.running -= price
        kind = str(status)
        if status == 200 and b"data: [DONE]" not in body:
            kind = "cut"
        race.statuses[kind] += 1
        if status in (402, 429):
            race.refused += 1
            race.exhausted.add(account.name)
            left = race.budget - account.settled - account.running * MARGIN
            if price * MARGIN <= left and time.monotonic() < race.alone_until:
                race.refused_alone += 1
            elif price * MARGIN <= left:
                race.refused_falsely += 1
                if len(race.examples) < 20:
                    race.examples.append(
                        f"{account.name} {status} settled={account.settled} running={account.running} of {race.budget}: {body[-700:]!r}"
                    )
            return True
        account.settled += price  # an answer that broke cost something, too
        return False


@contextlib.contextmanager
def disturbed(steps: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """`steps` goes on in the background meanwhile."""
    task = asyncio.ensure_future(steps())
    try:
        yield
    finally:
        assert not task.done(), task
        task.cancel()


class Disturber:
    """Stops, pauses and kills, one thing at a time; `done` says how often."""

    def __init__(self, race: Race, gateway: GatewayProcess, redis: RedisServer, seed: int, pause: float) -> None:
        self._race = race
        self._gateway = gateway
        self._redis = redis
        self._draw = random.Random(seed)
        self._pause = pause
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        kinds = {"partition": self._partition, "worker": self._worker, "crash": self._crash}
        while True:
            for kind in self._draw.sample(sorted(kinds), len(kinds)):
                await asyncio.sleep(self._pause * (0.5 + self._draw.random()))
                self.done[kind] += 1
                await kinds[kind]()

    async def _partition(self) -> None:
        """Redis hangs."""
        with self._away():
            self._redis.pause()
            try:
                await asyncio.sleep(0.2 + 1.5 * self._draw.random())
            finally:
                self._redis.go_on()

    async def _crash(self) -> None:
        """Redis loses everything."""
        with self._away():
            self._redis.stop()
            try:
                await asyncio.sleep(0.5 * self._draw.random())
            finally:
                self._redis.start()

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        self._race.alone_until = math.inf
        yield
        self._race.alone_until = time.monotonic() + RECONNECTING

    async def _worker(self) -> None:
        found = await asyncio.to_thread(worker_pids, self._gateway)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._draw.choice(found), signal.SIGKILL)


def worker_pids(gateway: GatewayProcess) -> list[int]:
    """Of the workers that control knows; none if it is starting."""
    assert gateway.admin is not None
    connection = http.client.HTTPConnection(gateway.admin.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/health", headers={"Authorization": f"Bearer {ADMIN}"})
        return [worker["pid"] for worker in msgspec.json.decode(connection.getresponse().read())["workers"]]
    except (OSError, http.client.HTTPException):
        return []
    finally:
        connection.close()


@dataclass
class Overspent:
    """By how much the worst key is above its budget (nano-dollars); whole answers only, and with those that were cut at full price."""

    whole: int
    all: int
    keys: int
    """That are above it at all."""


def overspent(race: Race, served: list[Served]) -> Overspent:
    """As the provider saw it."""
    whole: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for one in served:
        every[one.key] += race.price(one.tokens)
        if one.whole:
            whole[one.key] += race.price(one.tokens)
    over = [spent - race.budget for spent in whole.values()]
    return Overspent(
        max(over, default=-race.budget),
        max((spent - race.budget for spent in every.values()), default=0),
        sum(one > 0 for one in over),
    )

"""How busy a provider says it is: what a vLLM server counts, read in the background and kept for whoever asks.

The text format is Prometheus' (https://prometheus.io/docs/instrumenting/exposition_formats/), of which only the few gauges named
here are looked at (https://docs.vllm.ai/en/stable/usage/metrics/).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import release
from llm_gateway.http.client import Client, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.faults import from_http

LARGEST = 1 << 20
"""Bytes of one answer."""
SHORTEST = 0.2
"""Seconds between two of them, whatever the configuration says."""
_TIMEOUTS = Timeouts(connect=2.0, head=2.0, idle=2.0, total=2.0, pool=2.0)
_SAMPLE = re.compile(
    rb'^(vllm:[a-zA-Z0-9_:]*+)(?:\{(?:[^"}\n]|"(?:[^"\\\n]|\\.)*+")*+\})?[ \t]++(\S++)(?:[ \t]+-?\d+)?[ \t]*$', re.MULTILINE
)
_RUNNING = frozenset({b"vllm:num_requests_running"})
_WAITING = frozenset({b"vllm:num_requests_waiting"})
_CACHE = frozenset({b"vllm:kv_cache_usage_perc", b"vllm:gpu_cache_usage_perc"})  # as it is called now, and before


class Load(NamedTuple):
    """Requests that a provider works at and that wait there, over all its engines; how full the fullest engine's cache is, 0
    to 1, None if it does not say. `at`: when, in seconds of the monotonic clock.
    """

    running: int
    waiting: int
    cache: float | None
    at: float


class Watched(NamedTuple):
    upstream: Upstream
    every: float
    """Seconds."""


class Log(Protocol):
    def __call__(self, level: Literal["warning", "info"], event: str, **fields: Any) -> None: ...


class Loads:
    """Reads the metrics of some providers, each on its own. What a provider that cannot be read said before is forgotten."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock = clock
        self._log = log
        self._known: dict[str, Load] = {}
        self._silent: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def of(self, provider: str) -> Load | None:
        """What it said last; None for one that is not watched or says nothing."""
        return self._known.get(provider)

    def watch(self, watched: Mapping[str, Watched], clients: Mapping[str, Client]) -> None:
        """These from now on and no others. Needs a running loop."""
        self._cancel()
        self._known = {name: load for name, load in self._known.items() if name in watched}
        self._silent &= watched.keys()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._read_on(name, entry, clients[entry.upstream.client_name])) for name, entry in watched.items()
        ]

    async def close(self) -> None:
        ended = self._cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    def _cancel(self) -> list[asyncio.Task[None]]:
        ended, self._tasks = self._tasks, []
        for task in ended:
            task.cancel()
        return ended

    async def _read_on(self, name: str, entry: Watched, client: Client) -> None:
        while True:
            try:
                self._known[name] = await self._read(entry.upstream, client)
                if name in self._silent:
                    self._silent.discard(name)
                    self._log("info", "load_known_again", provider=name)
            except (HttpError, ValueError) as error:
                self._known.pop(name, None)
                if name not in self._silent:
                    self._silent.add(name)
                    reason = from_http(error).reason if isinstance(error, HttpError) else str(error)
                    self._log("warning", "load_unknown", provider=name, reason=reason)
                release(error)
            await asyncio.sleep(max(entry.every, SHORTEST))

    async def _read(self, upstream: Upstream, client: Client) -> Load:
        """Raises HttpError, or ValueError with the reason for the log."""
        target = f"{upstream.base_path.removesuffix('/v1')}/metrics".encode("ascii")
        response = await client.send(upstream.origin, b"GET", target, upstream.headers, b"", _TIMEOUTS)
        try:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            text = await response.read(LARGEST)
        finally:
            response.close()
        return read(text, self._clock.monotonic())


def read(text: bytes, now: float) -> Load:
    """The load in a page of metrics; lines that make no sense are passed over. Raises ValueError if it tells none."""
    running: list[float] = []
    waiting: list[float] = []
    cache: list[float] = []
    for name, said in _SAMPLE.findall(text):
        into = running if name in _RUNNING else waiting if name in _WAITING else cache if name in _CACHE else None
        if into is None:
            continue
        try:
            value = float(said)
        except ValueError:
            continue
        if math.isfinite(value) and 0 <= value < 1e9:
            into.append(value)
    if not running and not waiting:
        raise ValueError("no metrics of vLLM's")
    return Load(int(sum(running)), int(sum(waiting)), min(max(cache), 1.0) if cache else None, now)

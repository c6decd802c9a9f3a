"""GET /metrics: what workers counted, and what control itself sees."""

from __future__ import annotations

import asyncio
import gzip
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from llm_gateway._version import __version__
from llm_gateway.channel.hub import Worker
from llm_gateway.config.schema import Config
from llm_gateway.config.schema import Metrics as Settings
from llm_gateway.control.admission import Admission
from llm_gateway.control.metrics_answer import Answer, Places
from llm_gateway.control.metrics_processes import Processes
from llm_gateway.control.metrics_tally import Tally
from llm_gateway.control.metrics_text import OPEN, PLAIN, rendered
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import NotFound

FRESH = 0.5
"""Seconds for which a text is given to whoever asks: workers tell something new once a second."""
COMPRESSED = 5
"""Of zlib's levels: ten thousand lines take 10 ms."""
Sample = tuple[str, tuple[str, ...], float]
Source = Callable[[], Iterable[Sample]]
"""Gives samples of gauges, and of counters that somebody else keeps: family, labels, value."""


class Builds(Protocol):
    """control.builder.Builder."""

    @property
    def config(self) -> Config | None: ...


class Metrics:
    """One per control process. Whoever has something to show appends to `sources`."""

    def __init__(
        self, clock: Clock, tally: Tally, workers: Callable[[], list[Worker]], builder: Builds, admission: Admission
    ) -> None:
        self.sources: list[Source] = []
        self.before: list[Callable[[], Any]] = []
        """Coroutine functions that look at something before `sources` are asked."""
        self._clock = clock
        self._tally = tally
        self._workers = workers
        self._builder = builder
        self._admission = admission
        self._processes = Processes()
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        """Always the same one: each thread keeps memory of its own for the megabytes that a text may have."""
        self._texts: dict[bool, tuple[float, bytes, bytes]] = {}
        self._places = Places(clock.monotonic)

    def routes(self) -> Sequence[BaseRoute]:
        return (Route("/metrics", self.answer, methods=["GET"]),)

    async def answer(self, request: Request) -> Response:
        """Raises NotFound where they are off, Unauthenticated, Forbidden, Overloaded."""
        settings = self._settings()
        if not settings.enabled:
            raise NotFound("There are no metrics: telemetry.metrics.enabled is false.", code="not_found")
        if settings.needs_key or request.scope.get("server") is None:  # None: a worker passed it on from the main port
            await self._admission.demand(request, "admin:read")
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        packed = "gzip" in request.headers.get("accept-encoding", "")
        place = self._places.take(request.client.host if request.client else "")
        try:
            plain, compressed = await self._text(openmetrics=openmetrics)
        except BaseException:
            self._places.give_back(place)
            raise
        headers = {"content-type": OPEN if openmetrics else PLAIN, "cache-control": "no-store", "vary": "Accept, Accept-Encoding"}
        if packed:
            headers["content-encoding"] = "gzip"
        return Answer(compressed if packed else plain, headers, place, self._places.give_back)

    async def _text(self, *, openmetrics: bool) -> tuple[bytes, bytes]:
        """The same for all who ask at about the same time."""
        async with self._lock:
            at, plain, compressed = self._texts.get(openmetrics, (-FRESH, b"", b""))
            now = self._clock.monotonic()
            if not plain or now - at >= FRESH:
                for look in self.before:
                    await look()
                data = self._gathered()
                pids = {"control": os.getpid(), "supervisor": os.getppid()}
                pids |= {f"worker-{worker.slot}": worker.pid for worker in self._workers()}
                written = asyncio.get_running_loop().run_in_executor(self._thread, self._written, data, pids, now, openmetrics)
                plain, compressed = await written
                self._texts[openmetrics] = now, plain, compressed
            return plain, compressed

    def _gathered(self) -> dict[str, list[tuple[tuple[str, ...], list[float]]]]:
        """Everything as it is now; copies."""
        settings, tally = self._settings(), self._tally
        tally.counts.most = settings.max_series
        data = tally.totals()
        for family, labels, value in tally.gauges(self._workers()):
            data.setdefault(family, []).append((labels, [value]))
        for source in self.sources:
            for family, labels, value in source():
                data.setdefault(family, []).append((labels, [value]))
        data["gateway_metrics_series"] = [((), [tally.counts.total()])]
        data["gateway_workers"] = [((), [len(self._workers())])]
        data["gateway_build_info"] = [((__version__, platform.python_version()), [1])]
        return data

    def _written(
        self, data: dict[str, list[tuple[tuple[str, ...], list[float]]]], pids: dict[str, int], now: float, openmetrics: bool
    ) -> tuple[bytes, bytes]:
        """In a thread."""
        for family, process, value in self._processes.look(pids, now):
            data.setdefault(family, []).append(((process,), [value]))
        plain = rendered(data, self._tally.counts.buckets, openmetrics=openmetrics)
        return plain, gzip.compress(plain, COMPRESSED)

    def _settings(self) -> Settings:
        config = self._builder.config
        return Settings() if config is None else config.telemetry.metrics

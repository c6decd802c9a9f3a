"""Control's half of tracing: takes what workers tell of requests, and sends it to the collector. Nobody waits for it.

What waits is bounded in number and in bytes; what comes beyond is dropped and counted. A collector that is slow, away or broken
costs traces, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway._version import __version__
from llm_gateway.config.schema import Config, Network, Tracing
from llm_gateway.control.tracing_otlp import made
from llm_gateway.control.tracing_post import Collector, Refused, Unavailable
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.telemetry.journal import Log

MOST_BYTES = 32 << 20
"""Of traces that wait, whatever `queue` says."""
RETRY_SECONDS = 60.0
"""From the first attempt to send a batch until it is given up."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 20.0
CLOSE_SECONDS = 2.0
"""For the last ones, when control ends."""
QUIET_SECONDS = 60.0
"""Between two lines in the log about the same trouble."""


class Exporter:
    """One per control process. `use` whenever another configuration holds.

    Counted in requests: `exported`, `dropped` (there was no room), `failed` (the collector did not take them, or could not be
    reached for RETRY_SECONDS), `rejected` (spans that it took note of and refused), `retried` (attempts to send).
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        environ: Mapping[str, str],
        instance: str,
        randomness: Random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`instance`: service.instance.id."""
        self._clock = clock
        self._log = log
        self._environ = environ
        self._instance = instance
        self._random = randomness
        self._sleep = sleep
        self._settings: Tracing | None = None
        self._network: Network | None = None
        self._types: Mapping[str, str] = MappingProxyType({})
        self._collector: Collector | None = None
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._told_at = float("-inf")
        self.exported = self.dropped = self.failed = self.rejected = self.retried = 0

    @property
    def waiting(self) -> int:
        """Requests whose traces wait to be sent."""
        return len(self._queue)

    def samples(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        """For /metrics (telemetry.families)."""
        if self._settings is not None and self._settings.on:
            yield "gateway_traces_exported_total", (), self.exported
            yield "gateway_traces_dropped_total", (), self.dropped
            yield "gateway_traces_failed_total", (), self.failed
            yield "gateway_traces_rejected_spans_total", (), self.rejected
            yield "gateway_traces_waiting", (), self.waiting

    def use(self, config: Config) -> None:
        """From now on. What cannot be used is logged; then nothing is sent."""
        settings, network = config.telemetry.tracing, config.network
        self._types = {name: provider.type for name, provider in config.providers.items()}
        if (settings, network) == (self._settings, self._network):
            return
        self._settings, self._network = settings, network
        before, self._collector = self._collector, None
        if before is not None:
            self._retire(before)
        if not settings.on:
            self.dropped += len(self._take(len(self._queue)))
            return
        try:
            self._collector = Collector(settings, network, self._environ, self._clock)
        except (OSError, ValueError) as error:
            self._log("error", "tracing_off", why=str(error))
            return
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_always())

    def told(self, _worker: Any, body: Any) -> None:
        """A worker's message. Raises msgspec.ValidationError."""
        facts, dropped = msgspec.convert(body, tuple[list[bytes], int])
        self.dropped += dropped
        settings = self._settings
        if self._collector is None or settings is None:
            self.dropped += len(facts)
            return
        for fact in facts:
            if len(self._queue) >= settings.queue or self._bytes >= MOST_BYTES:
                self.dropped += 1
                continue
            self._queue.append(fact)
            self._bytes += len(fact)
        if self._queue:
            self._arrived.set()
        if len(self._queue) >= settings.batch:
            self._full.set()

    async def close(self) -> None:
        """Send what waits, within CLOSE_SECONDS."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await within(self._flush(), CLOSE_SECONDS)
        except TimeoutError:
            self._complain("it did not answer in time")
        self.dropped += len(self._queue)
        self._queue.clear()
        if self._collector is not None:
            await self._collector.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _flush(self) -> None:
        while self._queue and self._collector is not None and self._settings is not None:
            await self._deliver(self._take(self._settings.batch), patience=0.0)

    async def _send_always(self) -> None:
        while True:
            await self._arrived.wait()
            settings = self._settings
            if settings is None or self._collector is None:
                self._arrived.clear()
                continue
            if len(self._queue) < settings.batch:
                self._full.clear()
                await _set_within(self._full, float(settings.interval))
            try:
                if self._queue:
                    await self._deliver(self._take(settings.batch), RETRY_SECONDS)
            except Exception as bug:  # noqa: BLE001 - one batch's bug is that batch's alone
                self._complain(f"it failed with {type(bug).__name__}")
            if not self._queue:
                self._arrived.clear()

    def _take(self, most: int) -> list[bytes]:
        taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        self._bytes -= sum(map(len, taken))
        return taken

    async def _deliver(self, facts: list[bytes], patience: float) -> None:
        """One batch, for `patience` seconds. Cancelled, it is put back."""
        settings = self._settings
        if self._collector is None or settings is None:
            self.dropped += len(facts)
            return
        try:
            zipped = settings.compression == "gzip"
            batch = await asyncio.to_thread(
                made, facts, self._resource(settings), self._types, self._random.getrandbits, zipped=zipped
            )
            self.failed += batch.unread
            refused = await self._attempts(batch.body, patience)
        except asyncio.CancelledError:
            self._queue.extendleft(reversed(facts))
            self._bytes += sum(map(len, facts))
            raise
        except BaseException:
            self.failed += len(facts)
            raise
        if refused is None:
            self.failed += batch.traces
        else:
            self.exported += batch.traces
            self.rejected += min(max(refused, 0), batch.spans)  # it may say anything

    async def _attempts(self, body: bytes, patience: float) -> int | None:
        """How many spans were rejected; None: they were not taken at all. Another configuration may name another collector."""
        end = self._clock.monotonic() + patience
        pause = FIRST_PAUSE
        while self._collector is not None:
            try:
                rejected = await self._collector.send(body)
            except Refused as error:
                self._complain(str(error))
                return None
            except Unavailable as error:
                self._complain(str(error))
                wait = pause * (0.5 + self._random.random()) if error.retry_after is None else error.retry_after
                if self._clock.monotonic() + wait >= end:
                    return None
                await self._sleep(wait)
                pause = min(2 * pause, LONGEST_PAUSE)
                self.retried += 1
            else:
                if rejected > 0:
                    self._complain(f"it rejected {rejected} spans")
                return rejected
        return None

    def _resource(self, settings: Tracing) -> dict[str, str]:
        ours = {
            "service.name": settings.service,
            "service.version": __version__,
            "service.instance.id": self._instance,
            "telemetry.sdk.name": "llm-gateway",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": __version__,
        }
        return ours | settings.resource

    def _complain(self, why: str) -> None:
        now = self._clock.monotonic()
        if now >= self._told_at + QUIET_SECONDS:
            self._told_at = now
            self._log("warning", "traces_not_sent", why=why, failed=self.failed, dropped=self.dropped, waiting=self.waiting)

    def _retire(self, collector: Collector) -> None:
        closing = asyncio.get_running_loop().create_task(collector.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        await within(event.wait(), seconds)
    except TimeoutError:
        return

"""A whole gateway in this process, without supervisor and control: for tests, and for whoever embeds it.

It reads its configuration itself, and runs the managed providers itself; there is no listener for operators.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.config.watch import Watch
from llm_gateway.snapshot import NotServable
from llm_gateway.worker.managed import Managed
from llm_gateway.worker.serving import Effective, Serving


@dataclass
class Running:
    """What a caller of `Gateway.start` is told."""

    port: int
    missing: Mapping[str, str]
    """Managed providers that could not be started, and why."""


class Gateway(Serving):
    """One worker. `load` reads the configuration again, for reloads."""

    def __init__(self, config: Config, load: Callable[[], Config], environ: Mapping[str, str]) -> None:
        super().__init__(config, environ)
        self._load = load
        self._managed = Managed(self._reload_soon, lambda child, what: self.log("warning", "child", child=child, what=what))
        self._reloading: asyncio.Task[None] | None = None
        self._again = False
        self._files: Watch | None = None
        self._over = asyncio.Event()

    async def start(self) -> Running:
        """Listen. Raises NotServable, OSError (address in use, certificates)."""
        urls = await self._managed.urls(self._config)
        port = await self.begin(Effective(self._config, urls, self._managed.missing))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        if self._config.sources:
            self._files = Watch(self._config.sources, self._reload_soon)
            self._background.add(loop.create_task(self._files.run()))
        return Running(port, dict(self._managed.missing))

    def _reload_soon(self) -> None:
        """One reload at a time; another wish while one runs is kept."""
        if self._reloading is not None:
            self._again = True
            return
        self._reloading = asyncio.get_running_loop().create_task(self._reload())
        self._reloading.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[None]) -> None:
        self._reloading = None
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._engine_error(bug)
        if self._again:
            self._again = False
            self._reload_soon()

    async def _reload(self) -> None:
        try:
            config = self._load()
            urls = await self._managed.urls(config)
            self.swap(Effective(config, urls, self._managed.missing), self._trim)
        except (ConfigErrors, NotServable, OSError) as error:
            self.log("error", "reload_refused", why=str(error))
            return
        if self._files is not None:
            self._files.paths = config.sources  # it may name other files now

    async def _trim(self) -> None:
        await self._managed.trim(self._config)

    async def abandon(self) -> None:
        """Undo a start that failed."""
        await self._managed.stop()
        await super().abandon()

    async def run(self) -> None:
        """Serve until a signal, then drain and end."""
        await self._over.wait()
        await self.stop()

    async def stop(self, grace: float | None = None) -> None:
        """Drain, then end everything."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: None)
        self._again = False
        if self._reloading is not None:
            self._background.add(self._reloading)
        await super().stop(grace)
        await self._managed.stop()

"""Configuration through the API, wired: what the control process holds of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from llm_gateway.config.load import Loaded, Overlay
from llm_gateway.config.tree import Node
from llm_gateway.control.api.route import Route
from llm_gateway.control.audit import Event
from llm_gateway.control.builder import Builder
from llm_gateway.control.configuring.circuits import Breakers, Circuits
from llm_gateway.control.configuring.history import History
from llm_gateway.control.configuring.layer import Layer
from llm_gateway.control.configuring.paths import Judging, Paths
from llm_gateway.control.configuring.resources import resources
from llm_gateway.control.configuring.service import Configuring
from llm_gateway.control.configuring.snapshots import Snapshots
from llm_gateway.control.configuring.statistics import Stats
from llm_gateway.control.configuring.transfer import Transfer
from llm_gateway.control.statistics import Statistics
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

LOOK_SECONDS = 0.5
"""Between two looks at whether another node changed something."""


@dataclass(frozen=True)
class Seen:
    """What this control process sees of the workers."""

    statistics: Statistics
    health: Judging
    breakers: Breakers


class Configured:
    """One per control process."""

    def __init__(
        self,
        store: Transactions,
        ring: Ring,
        clock: Clock,
        log: Log,
        builder: Builder,
        *,
        load: Callable[[Overlay], Awaitable[Loaded]],
        audit: Callable[[Event], None],
        seen: Seen,
    ) -> None:
        """`load` reads files, variables and flags, with objects of the API beside them; `audit` notes what nobody asked for."""
        self._layer = Layer(store, ring, builder)
        self._builder = builder
        self._log = log
        self._history = History(store, ring, clock, log, builder, audit)
        self._configuring = Configuring(self._layer, ring, builder, self._history, load)
        self._clock = clock
        self._seen = seen
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> tuple[Route, ...]:
        """All of them, for the admin API's table."""
        kinds = resources(self._configuring)
        seen, monotonic = self._seen, self._clock.monotonic
        return (
            *(route for kind in kinds for route in kind.routes()),
            *Snapshots(self._configuring, self._history).routes(),
            *Transfer(self._configuring).routes(),
            *Paths(self._configuring, kinds[0], seen.statistics, seen.health, monotonic).routes(),
            *Stats(seen.statistics, self._clock).routes(),
            *Circuits(seen.breakers).routes(),
        )

    async def overlay(self) -> Overlay:
        """For a build. Raises ConfigErrors."""
        return await self._layer.overlay()

    def begin(self, tree: Node) -> None:
        """What the workers act on until something was accepted."""
        self._configuring.tree = tree

    def accepted(self, loaded: Loaded) -> None:
        """Another configuration holds from now on."""
        self._configuring.accepted(loaded)

    def start(self) -> None:
        """Follow what other nodes change, and the store when it comes back."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._history.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await self._layer.moved():
                    await self._builder.renewed(60.0)
            except StoreError:
                continue  # it is away: what there is goes on

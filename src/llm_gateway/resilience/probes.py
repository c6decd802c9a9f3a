"""Active health checks that cost nothing: an account's list of models, or a server's own health page. Never a billed call.

They are for what traffic does not show: an account that nobody asked lately, or one whose circuit is open. One that cannot be
reached `unhealthy_after` times in a row is paused, so that nobody is the first to find out; one that can be reached again need
not wait for the end of its circuit's cooldown. A list that answers with an error proves that the account can be reached.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import release
from llm_gateway.http.client import Client, Timeouts
from llm_gateway.http.errors import HttpError, PoolExhausted
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.discovery import can_ask, get
from llm_gateway.resilience.circuit import Circuit
from llm_gateway.resilience.standings import STATES, Log, Standings
from llm_gateway.routing.standing import CLOSED

SOONER = 6
"""An account that is out of service is asked so many times as often."""
KEPT = 10
"""Checks that the availability is the share of."""
AT_ONCE = 8
"""Checks under way together."""


@dataclass(frozen=True)
class Policy:
    """Times in seconds."""

    enabled: bool = True
    interval: float = 30.0
    timeout: float = 5.0
    unhealthy_after: int = 3
    healthy_after: int = 2
    slowest: float = 30.0
    """95th percentile of latency from which on a provider has no points for speed."""


class Wellness(NamedTuple):
    """`score`: 0 (worst) to 1. `seconds`: until something may be sent again; 0.0: now."""

    score: float
    availability: float
    circuit: str
    reason: str
    seconds: float


class Checked:
    """What the checks of one account said. `streak`: so many in a row, good ones positive, bad ones negative."""

    __slots__ = ("at", "results", "streak")

    def __init__(self) -> None:
        self.at = 0.0
        self.results: deque[bool] = deque(maxlen=KEPT)
        self.streak = 0

    def add(self, *, good: bool) -> None:
        self.results.append(good)
        self.streak = max(self.streak, 0) + 1 if good else min(self.streak, 0) - 1


class HealthChecks:
    """One per process. Each account is asked by one task, once at a time."""

    def __init__(self, standings: Standings, clock: Clock, log: Log, draw: Callable[[], float]) -> None:
        """`draw` gives numbers in [0, 1): checks of many accounts, and of many gateways, are spread out by them."""
        self._standings = standings
        self._clock = clock
        self._log = log
        self._draw = draw
        self._policy = Policy()
        self._checked: dict[str, Checked] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def watch(self, upstreams: Mapping[str, Upstream], clients: Mapping[str, Client], policy: Policy) -> None:
        """These from now on and no others. Needs a running loop. `clients`: as Upstream.client_name names them."""
        self._cancel()
        self._policy = policy
        places = {name: place for name, upstream in upstreams.items() if (place := free_place(upstream)) is not None}
        self._checked = {name: self._checked.get(name) or Checked() for name in places}
        if not policy.enabled:
            return
        turns = asyncio.Semaphore(AT_ONCE)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._check_on(upstreams[name], clients[upstreams[name].client_name], place, turns))
            for name, place in places.items()
        ]

    async def close(self) -> None:
        await asyncio.gather(*self._cancel(), return_exceptions=True)

    def wellness(self, provider: str, success: float | None, p95: float | None) -> Wellness:
        """0.5 success + 0.3 (1 - p95 / slowest) + 0.2 availability (requirements B9); what is not known counts as good.

        `success`: share of the last attempts; `p95`: of their latencies, in seconds.
        """
        rows = self._standings.rows([provider])
        row = rows[0] if rows else None
        checked = self._checked.get(provider)
        results = checked.results if checked is not None else ()
        availability = sum(results) / len(results) if results else 1.0
        if row is not None and (row.gauge != CLOSED or row.reason == "unhealthy"):
            availability = 0.0
        speed = 1.0 - min((p95 or 0.0) / self._policy.slowest, 1.0)
        score = 0.5 * (1.0 if success is None else success) + 0.3 * speed + 0.2 * availability
        if row is None:
            return Wellness(round(score, 4), availability, STATES[CLOSED], "", 0.0)
        return Wellness(round(score, 4), availability, row.state, row.reason, row.seconds)

    def _cancel(self) -> list[asyncio.Task[None]]:
        ended, self._tasks = self._tasks, []
        for task in ended:
            task.cancel()
        return ended

    async def _check_on(self, upstream: Upstream, client: Client, place: Place, turns: asyncio.Semaphore) -> None:
        circuit = self._standings.circuit(self._standings.account(upstream.name))
        checked = self._checked[upstream.name]
        while True:
            out = circuit.standing.until > self._clock.monotonic() or circuit.standing.state != CLOSED or checked.streak < 0
            await asyncio.sleep(self._policy.interval * (0.8 + 0.4 * self._draw()) / (SOONER if out else 1))
            before, checked.at = checked.at, self._clock.monotonic()
            if circuit.window.edge > before and circuit.standing.until <= checked.at and circuit.standing.state == CLOSED:
                continue  # traffic tells more
            await turns.acquire()
            try:
                well = await self._ask(upstream, client, place)
            finally:
                turns.release()
            if well is not None:
                checked.add(good=well)
                self._tell(circuit, checked)

    async def _ask(self, upstream: Upstream, client: Client, place: Place) -> bool | None:
        """None: that says nothing about the account."""
        limit = self._policy.timeout
        timeouts = Timeouts(connect=limit, head=limit, idle=limit, total=limit, pool=limit)
        try:
            response = await get(upstream, client, place.path, timeouts)
        except PoolExhausted as error:
            return _said(None, error)
        except HttpError as error:
            return _said(False, error)
        except ValueError as error:  # a header or path that cannot be sent
            return _said(None, error)
        try:
            return not place.says_health or 200 <= response.status < 300
        finally:
            response.close()

    def _tell(self, circuit: Circuit, checked: Checked) -> None:
        now = self._clock.monotonic()
        policy = self._policy
        if checked.streak <= -policy.unhealthy_after:
            # Longer than until the next check says it again; renewed, not begun anew: it is logged once.
            circuit.pause("unhealthy", now, 0.0, policy.interval + 2 * policy.timeout)
        elif checked.streak > 0:
            circuit.revive(now)
            if checked.streak >= policy.healthy_after and circuit.pauses.end(("unhealthy", "tls")):
                circuit.show()
                self._log("info", "healthy_again", provider=circuit.standing.name)


class Place(NamedTuple):
    """A path at an account that costs nothing. `says_health`: what it answers with tells whether the server is well."""

    path: str
    says_health: bool


def free_place(upstream: Upstream) -> Place | None:
    """None: there is none, or no credentials for it among the header lines."""
    kind = upstream.kind
    if kind.health_path:
        return Place(upstream.base_path.removesuffix("/v1") + kind.health_path, says_health=True)
    return Place(upstream.base_path + kind.models_path, says_health=False) if can_ask(upstream) else None


def _said(well: bool | None, error: Exception) -> bool | None:
    release(error)
    return well

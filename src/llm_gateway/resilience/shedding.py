"""Load shedding: what the gateway itself cannot keep up with is turned away at its door, low priority first.

Two signs. The event loop runs late: a timer measures how late it fires; only lateness that lasts counts, a single long pause
does not. Memory runs out: of the process against a configured size, or of its cgroup against the cgroup's limit.

Both make one number, the pressure: from 0 to 1 that share of the low class is turned away, from 1 to 2 all of it and a share of
the normal class, and so on; at 4 everything. So load falls bit by bit until it fits, and comes back bit by bit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

from llm_gateway.config.schema.bulkheads import Shedding as Settings
from llm_gateway.core.errors import Overloaded
from llm_gateway.resilience import memory
from llm_gateway.routing.features import CRITICAL, NORMAL, PRIORITIES

INTERVAL = 0.05
"""Seconds between two beats of the timer."""
LASTING = 3
"""So many beats in a row must be late, or in time, to count."""
RISE, FALL = 0.2, 0.05
"""How much the pressure of lateness changes with a beat: the rise for lateness at the threshold, more for more."""
STEEPEST = 5.0
"""So many times the usual rise, at most."""
CALM = 0.5
"""In time is what is less late than this share of the threshold."""
MOST = CRITICAL + 1.0
MEMORY_EVERY = 1.0
"""Seconds between two looks at the memory."""
BEGINS, ENDS, FULL = 0.85, 0.80, 0.97
"""Shares of the memory: from the first on requests are turned away until it is below the second; at the third all are."""
LEAST = 0.5
"""Pressure of memory while there is any."""
LOG_EVERY = 1.0

Log = Callable[..., None]


def _unknown() -> float:
    return 0.0


class Usage:
    """How full the memory is."""

    def __init__(self, size: int | None) -> None:
        """`size`: of the process, in bytes; None: as the cgroup says."""
        self._size = size
        self._group = memory.limiting() if size is None else None

    def share(self) -> float:
        """0.0 where there is no limit, or nothing can be read."""
        if self._size is not None:
            return (memory.resident() or 0) / self._size
        return (self._group.used() or 0) / self._group.limit if self._group is not None else 0.0


class Shedding:
    """One per worker. `pressure` is all that a request looks at while there is none."""

    def __init__(self, monotonic: Callable[[], float], draw: Callable[[], float] = random.random, log: Log | None = None) -> None:
        """`draw` gives numbers in [0, 1)."""
        self.pressure = 0.0
        self.refused = [0] * (CRITICAL + 1)
        """Requests turned away so far, by class."""
        self.late = 0.0
        """How late the last beat was, in seconds."""
        self.memory = 0.0
        """How full the memory was at the last look."""
        self.heard: Callable[[float], None] | None = None
        """Is told of every beat how late it was."""
        self._monotonic = monotonic
        self._draw = draw
        self._log = log
        self._enabled, self._threshold, self._size = True, float(Settings().lag), Settings().memory
        self._usage: Callable[[], float] = _unknown  # until `configure`
        self._lately: list[float] = []
        self._lag = self._full = 0.0  # the two pressures
        self._looked = self._logged = -MEMORY_EVERY - LOG_EVERY
        self._told = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def configure(self, settings: Settings, usage: Callable[[], float] | None = None) -> None:
        """`usage`: how full the memory is; None: as `settings` say."""
        if usage is not None or settings.memory != self._size or self._usage is _unknown:
            self._usage = usage or Usage(settings.memory).share
        self._enabled, self._threshold, self._size = settings.enabled, float(settings.lag), settings.memory
        if not settings.enabled:
            self._lately.clear()
            self.pressure = self._lag = self._full = 0.0

    def start(self) -> None:
        """Begin to measure, inside a running loop."""
        self._due = self._monotonic() + INTERVAL
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._fired)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def refusal(self, headers: Mapping[bytes, bytes]) -> Overloaded | None:
        """What a request with these headers is told; None: it may come in.

        Its class is what X-Gateway-Priority says, normal otherwise. Who claims one that his key may not have is found out behind
        the door, and pays with a refusal there.
        """
        named = headers.get(b"x-gateway-priority")
        priority = NORMAL if named is None else PRIORITIES.get(named.decode("latin-1").strip().lower(), NORMAL)
        excess = self.pressure - priority
        if excess <= 0.0 or (excess < 1.0 and self._draw() >= excess):
            return None
        self.refused[priority] += 1
        wait = (1.0 + self.pressure) * (0.5 + self._draw())  # spread, or all would come back at once
        return Overloaded("The gateway has more to do than it can; please try again later.", retry_after=wait)

    def beat(self, now: float, late: float) -> None:
        """The timer fired at `now`, `late` seconds after it should have."""
        if not self._enabled:
            return
        self.late = late
        self._lately = [*self._lately[1 - LASTING :], late]
        threshold = self._threshold
        if len(self._lately) == LASTING:
            if min(self._lately) >= threshold:
                self._lag = min(self._lag + RISE * min(min(self._lately) / threshold, STEEPEST), MOST)
            elif max(self._lately) < threshold * CALM:
                self._lag = max(self._lag - FALL, 0.0)
        if now - self._looked >= MEMORY_EVERY:
            self._looked = now
            self.memory = share = self._usage()
            scaled = min((share - BEGINS) / (FULL - BEGINS), 1.0) * MOST
            self._full = max(scaled, LEAST) if share >= (ENDS if self._full else BEGINS) else 0.0
        self.pressure = max(self._lag, self._full)
        self._tell(now)

    def _fired(self) -> None:
        now = self._monotonic()
        late = max(now - self._due, 0.0)
        if self.heard is not None:
            self.heard(late)
        self.beat(now, late)
        self._due = self._monotonic() + INTERVAL
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._fired)

    def _tell(self, now: float) -> None:
        refused = sum(self.refused)
        if refused == self._told or now - self._logged < LOG_EVERY or self._log is None:
            return
        self._log(
            "warning",
            "requests_shed",
            requests=refused - self._told,
            pressure=round(self.pressure, 2),
            lag_ms=round(self.late * 1000),
            memory_percent=round(self.memory * 100),
        )
        self._logged, self._told = now, refused

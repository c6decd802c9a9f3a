"""A value that expires, fetched ahead of time and by one task only, so that no request waits for it in the ordinary case.

One task per value does every fetch: those who need it now wake that task and wait for what it brings. A failing refresh leaves
the old value in use until it really expires. How long a value is good is measured on the monotonic clock from the moment it came;
should the wall clock say that it is over (it jumped, or the machine slept), a new one is fetched, and only if that fails does the
monotonic clock decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, Literal, Protocol, TypeVar

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import CredentialsUnavailable
from llm_gateway.core.within import within

Value = TypeVar("Value")

FETCH_SECONDS = 20.0
"""For one fetch, however many steps it has."""
AHEAD = 300.0
"""Seconds before the end at which a value is replaced; a fifth of a short life."""
SLACK = 5.0
"""Seconds before the end at which a value counts as over: a request takes time to arrive."""
AGAIN = 600.0
"""Seconds after which a value that does not expire is read again: its file may have changed."""
TICK = 30.0
"""Seconds between looks at the clocks: a jump is noticed so late at most."""
STALE_SECONDS = 60.0
"""Least time between two fetches that a refusal by the provider asks for."""
DEMAND_SECONDS = 1.0
"""Least time between a failed fetch and the next one that a request asks for."""
TELL_SECONDS = 60.0
"""Least time between two lines of the log about the same failure."""
_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Unavailable(Exception):
    """A fetch failed. The text says what to do, names the kind of source, and holds no secret, host name or foreign text."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Value]):
    """What a fetch brought. `lifetime`: seconds from now; None: it does not expire."""

    value: Value = field(repr=False)
    lifetime: float | None = None


class Log(Protocol):
    def __call__(self, level: Literal["info", "warning"], event: str, **fields: Any) -> None: ...


class Refreshing(Generic[Value]):
    """Holds one value. `fetch` raises Unavailable, and may not take FETCH_SECONDS."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Fetched[Value]]],
        clock: Clock,
        draw: Callable[[], float],
        log: Log,
        *,
        name: str = "",
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        """`draw` gives numbers in [0, 1); `name` is the provider's, for the log."""
        self._fetch = fetch
        self._clock = clock
        self._draw = draw
        self._log = log
        self._name = name
        self._fetch_seconds = fetch_seconds
        self._value: Value | None = None
        self._over = -inf  # monotonic
        self._over_wall = -inf
        self._due = -inf  # monotonic
        self._failures = 0
        self._problem = ""
        self._failed_at = -inf
        self._told = ""
        self._told_at = -inf
        self._stale_at = -inf
        self._demanded = False
        self._wake = asyncio.Event()
        self._next: asyncio.Future[None] | None = None  # done when the fetch under way or the next one is over
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def current(self) -> Value | None:
        """The value, if it is good now."""
        if self._clock.monotonic() < self._over and self._clock.now() < self._over_wall:
            return self._value
        return None

    def start(self) -> None:
        """Begin to fetch, if that has not begun. Once closed, nothing is fetched any more."""
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """Look at the clocks now."""
        self._wake.set()

    def stale(self) -> None:
        """Somebody refused the value. Fetch another soon; it stays in use until then."""
        now = self._clock.monotonic()
        if now >= self._stale_at + STALE_SECONDS:
            self._stale_at = self._due = now
            self._wake.set()

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109 - as Authorizer.ready
        """Wait for a good value. Raises CredentialsUnavailable when there is none within `timeout` seconds."""
        if self.current() is not None:
            return
        if self._closed:
            raise CredentialsUnavailable("The credentials for this provider are not used any more: another configuration is.")
        if self._next is None and self._clock.monotonic() < self._failed_at + DEMAND_SECONDS:
            raise CredentialsUnavailable(self._problem)
        self.start()
        self._demanded = True
        self._wake.set()
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._next], timeout=timeout)  # not the future itself: whoever leaves must not cancel it for others
        if self.current() is None:
            raise CredentialsUnavailable(self._problem or "The credentials for this provider could not be fetched in time.")

    async def close(self) -> None:
        """End the task."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._settle()

    async def _run(self) -> None:
        while not self._closed:
            if self._wanted():
                await self._refresh()
            await self._sleep(min(max(self._due - self._clock.monotonic(), 0.0), TICK))

    def _wanted(self) -> bool:
        now = self._clock.monotonic()
        jumped = now < self._over and self._clock.now() >= self._over_wall
        return self._demanded or now >= self._due or jumped

    async def _sleep(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
            self._wake.clear()

    async def _refresh(self) -> None:
        try:
            fetched = await within(self._fetch(), self._fetch_seconds)
            if fetched.lifetime is not None and not fetched.lifetime > 0:  # NaN is neither
                raise Unavailable("what was fetched has already expired: check this machine's clock")  # noqa: TRY301
        except Unavailable as error:
            self._failed(str(error))
        except TimeoutError:
            self._failed("they could not be fetched in time")
        except Exception as bug:  # noqa: BLE001 - what a stranger answered must not end the task
            self._failed(f"they could not be fetched ({type(bug).__name__})")
        else:
            self._keep(fetched)
        self._settle()

    def _keep(self, fetched: Fetched[Value]) -> None:
        now, wall = self._clock.monotonic(), self._clock.now()
        life = fetched.lifetime
        self._value = fetched.value
        if life is None:
            self._over = self._over_wall = inf
            self._due = now + AGAIN * (1 - 0.2 * self._draw())
        else:
            usable = life - min(SLACK, life / 10)
            self._over, self._over_wall = now + usable, wall + usable
            # Gateways that started together shall not ask together.
            self._due = now + max(life - min(AHEAD, life / 5) * (1 + 0.5 * self._draw()), min(1.0, life / 2))
        if self._failures:
            self._log("info", "credentials_recovered", provider=self._name, failures=self._failures)
        self._failures, self._problem, self._failed_at, self._told = 0, "", -inf, ""

    def _failed(self, why: str) -> None:
        now = self._clock.monotonic()
        self._problem = f"There are no credentials for this provider: {why}."
        self._failed_at = now
        self._due = now + _BACKOFF[min(self._failures, len(_BACKOFF) - 1)] * (0.75 + 0.5 * self._draw())
        self._failures += 1
        if now < self._over and self._clock.now() >= self._over_wall:
            self._over_wall = self._clock.now() + (self._over - now)  # the wall clock jumped, or else nothing works anyway
        if why != self._told or now >= self._told_at + TELL_SECONDS:
            self._told, self._told_at = why, now
            left = None if self._over == inf else int(max(self._over - now, 0.0))
            self._log("warning", "credentials_failed", provider=self._name, why=why, usable_seconds=left)

    def _settle(self) -> None:
        self._demanded = False
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

"""Values from secret stores: fetched together, kept while they are good, and fetched again before they are not.

A store that is away takes nothing from anybody: what it gave last stays in use, and the log says so. A value that changed is told
to whoever started the keeper, and the configuration is read again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from llm_gateway.config.errors import Wrong
from llm_gateway.config.gather import Gathered, Reference
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.credentials.refreshing import Log, Unavailable
from llm_gateway.credentials.stores.base import Document
from llm_gateway.credentials.stores.names import Asked, asked
from llm_gateway.credentials.stores.open import Stores

AT_ONCE = 8
"""Fetches under way at one time."""
MOST = 1000
"""Secrets of one configuration."""
TICK = 30.0
TELL_SECONDS = 300.0
"""Least time between two lines of the log about one secret that cannot be fetched."""
_BACKOFF = (5.0, 10.0, 30.0, 60.0)
_SHORTEST = 1.0


class Values:
    """What was fetched for one configuration. `resolve` goes to config.load."""

    def __init__(self, found: Mapping[Reference, str], failed: Mapping[Reference, str]) -> None:
        self._found = found
        self.failed = failed
        """References without a value, and why."""

    def resolve(self, kind: str, name: str) -> str:
        """Raises Wrong."""
        asked(kind, name)  # what is written wrongly is told as such
        reference = Reference(kind, name)
        if reference in self._found:
            return self._found[reference]
        why = self.failed.get(reference, "it was not asked for")
        raise Wrong(f"the secret cannot be fetched: {why}", "it is tried again when the configuration is read again")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and self._found == other._found

    def __hash__(self) -> int:
        return hash(frozenset(self._found))


@dataclass
class _Held:
    document: Document | None = field(default=None, repr=False)
    due: float = -inf
    """Monotonic."""
    failures: int = 0
    problem: str = ""
    told: str = ""
    told_at: float = -inf


_Key = tuple[str, str]
"""Kind and document."""


class Keeper:
    """One for a process. Belongs to the event loop it is used in; end it with `close`."""

    def __init__(self, clock: Clock, log: Log | None = None, draw: Callable[[], float] = random.random) -> None:
        """`draw` gives numbers in [0, 1)."""
        self._clock = clock
        self._log = log or _quiet
        self._draw = draw
        self._stores: Stores | None = None
        self._settings: tuple[Any, ...] = ()
        self._held: dict[_Key, _Held] = {}
        self._asked: Gathered = Gathered()
        self._last: Values | None = None
        self._changed: Callable[[], object] | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def fetch(self, gathered: Gathered, environ: Mapping[str, str], *, fresh: bool = False) -> Values:
        """Everything that `gathered` asks for: from memory what is good, the rest from its store.

        `fresh`: ask for everything (an operator wants it). What cannot be had is in `failed` of the result.
        """
        if not gathered.references:
            self._asked, self._held, self._last = gathered, {}, Values({}, {})
            return self._last
        stores, held, old = self._stores, self._held, None
        settings = (gathered.secrets, gathered.network, sorted(environ.items()))
        if stores is None or settings != self._settings:
            old, stores, held = stores, Stores(gathered.secrets, gathered.network, environ, self._clock), {}
        keys = dict.fromkeys((reference.kind, wanted.document) for reference, wanted in _wanted(gathered.references))
        held = {key: held.get(key) or _Held() for key in keys}
        now = self._clock.monotonic()
        await self._renew(stores, held, [key for key in keys if fresh or now >= held[key].due], gathered)
        values = _values(gathered.references, held)
        if values.failed and self._stores is not None and stores is not self._stores:
            await stores.close()  # the configuration in use keeps its own
            return values
        self._stores, self._settings, self._held, self._asked, self._last = stores, settings, held, gathered, values
        if old is not None:
            await old.close()
        self._wake.set()
        return values

    def start(self, changed: Callable[[], object]) -> None:
        """From now on, fetch in the background what is due, and call `changed` when a value in use became another."""
        self._changed = changed
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """Look at the clock now."""
        self._wake.set()

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        stores, self._stores = self._stores, None
        if stores is not None:
            await stores.close()

    async def _run(self) -> None:
        while True:
            await self._sleep()
            stores, held, gathered, now = self._stores, self._held, self._asked, self._clock.monotonic()
            due = [key for key, one in held.items() if now >= one.due]
            if stores is None or not due:
                continue
            await self._renew(stores, held, due, gathered)
            if held is not self._held:  # another configuration came meanwhile
                continue
            values = _values(gathered.references, held)
            if values != self._last:
                self._last = values
                self._log("info", "secrets_changed")
                if self._changed is not None:
                    self._changed()

    async def _sleep(self) -> None:
        first = min((one.due for one in self._held.values()), default=inf)
        seconds = min(max(first - self._clock.monotonic(), 0.05), TICK)
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
            self._wake.clear()

    async def _renew(self, stores: Stores, held: Mapping[_Key, _Held], keys: Iterable[_Key], gathered: Gathered) -> None:
        """Fetch `keys`, a few at once; all together take three times the timeout at most."""
        gate = asyncio.Semaphore(AT_ONCE)
        limit = float(gathered.secrets.timeout)

        async def one(key: _Key) -> None:
            async with gate:
                await self._one(stores, key, held[key], limit, float(gathered.secrets.cache))

        tasks = {key: asyncio.get_running_loop().create_task(one(key)) for key in keys}
        if not tasks:
            return
        try:
            await asyncio.wait(tasks.values(), timeout=3 * limit)
        finally:
            late = [key for key, task in tasks.items() if not task.done()]
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        for key in late:
            self._failed(key, held[key], "its store did not answer in time", float(gathered.secrets.cache))

    async def _one(self, stores: Stores, key: _Key, held: _Held, limit: float, cache: float) -> None:
        kind, document = key
        try:
            fetched = await within(stores.of(kind).fetch(document), limit)
        except Unavailable as error:
            self._failed(key, held, str(error), cache)
        except TimeoutError:
            self._failed(key, held, "its store did not answer in time", cache)
        except Exception as bug:  # noqa: BLE001 - what a stranger answered must not end the task
            self._failed(key, held, f"it could not be read ({type(bug).__name__})", cache)
        else:
            life = cache if fetched.lifetime is None else min(cache, max(fetched.lifetime * 0.6, _SHORTEST))
            if held.failures:
                self._log("info", "secret_recovered", kind=kind, secret=document, failures=held.failures)
            held.document, held.failures, held.problem, held.told = fetched.value, 0, "", ""
            held.due = self._clock.monotonic() + life * (1 - 0.1 * self._draw())  # gateways shall not ask together

    def _failed(self, key: _Key, held: _Held, why: str, cache: float) -> None:
        now = self._clock.monotonic()
        pause = min(_BACKOFF[min(held.failures, len(_BACKOFF) - 1)], cache)
        held.due = now + pause * (0.75 + 0.5 * self._draw())
        held.failures += 1
        held.problem = why
        if held.document is not None and (why != held.told or now >= held.told_at + TELL_SECONDS):
            held.told, held.told_at = why, now
            self._log("warning", "secret_not_renewed", kind=key[0], secret=key[1], why=why, failures=held.failures)


def _wanted(references: Iterable[Reference]) -> list[tuple[Reference, Asked]]:
    """What is written wrongly is left out: Values.resolve tells."""
    found = []
    for reference in references:
        try:
            found.append((reference, asked(reference.kind, reference.name)))
        except Wrong:
            continue
    return found[:MOST]


def _values(references: Iterable[Reference], held: Mapping[_Key, _Held]) -> Values:
    found: dict[Reference, str] = {}
    failed: dict[Reference, str] = {}
    for reference, wanted in _wanted(references):
        one = held.get((reference.kind, wanted.document), _Held())
        try:
            if one.document is None:
                raise Unavailable(one.problem or "it was not asked for")  # noqa: TRY301 - the same to whoever asks
            found[reference] = one.document.value(wanted.key)
        except Unavailable as error:
            failed[reference] = str(error)
    return Values(found, failed)


def _quiet(level: str, event: str, **fields: Any) -> None:
    """For those who only check."""

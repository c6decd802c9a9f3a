"""Bulkheads: how many requests a deployment and its account may have at once, and who waits for a place (requirements B2).

A place is one attempt, a stream's until its end. Where no limit is set nothing ever waits. A place that comes free is handed
to the best waiter at once, so that a free place and somebody who could take it never exist side by side: `try_enter` need not
look at the queue. First come the higher priority classes, in a class those that must be let in first, then the longer waiting.
A request waits for all of its candidates and takes whichever comes free first.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from math import inf

import msgspec

from llm_gateway.config.schema.bulkheads import Bulkhead as Settings
from llm_gateway.core.errors import UpstreamUnavailable
from llm_gateway.resilience.adaptive import Adaptive, adaptive_of
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.standing import Standing

SMOOTHING = 0.1
"""Weight of the newest observation in the average time for which a place is held."""

Rank = tuple[int, float, int]
"""Lower is let in first: the priority class below 0, the time until which it waits, its number."""
Entry = tuple[int, float, int, int, "Waiter", Candidate]
"""A rank, which of its candidates it is, and who waits for what. The numbers differ, so that the rest is never compared."""


class Counts(msgspec.Struct, eq=False):
    """How requests fared that found no free place."""

    waited: int = 0
    """Began to wait."""
    entered: int = 0
    """Were let in after a wait."""
    full: int = 0
    """Refused at once: the queue was full."""
    displaced: int = 0
    """Refused while waiting: a higher class needed the place in the queue."""
    late: int = 0
    """Refused at once: they could not have made their deadline."""
    expired: int = 0
    """Refused after the longest wait."""
    left: int = 0
    """Their callers left."""


class Waiter:
    """A request in the queue of every candidate that has room for one."""

    __slots__ = ("entries", "granted", "priority", "reason", "until", "woken")

    def __init__(self, priority: int, until: float) -> None:
        self.priority = priority
        self.until = until
        self.entries: list[Entry] = []
        self.granted: Candidate | None = None
        """The candidate at which it has a place now."""
        self.reason = ""
        """Why it got none: queue_full, queue_timeout."""
        self.woken: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """It is over, one way or the other."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class Bulkhead:
    """All places and queues of a worker. One, outliving reloads, as Standings do."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.counts = Counts()
        self._most = settings.queue
        self._longest = float(settings.wait)
        self._queues: dict[Standing, dict[Standing, list[Entry]]] = {}
        """Account -> deployment -> its waiters, best first. None of them empty."""
        self._limited: tuple[Standing, ...] = ()
        self._adaptive: dict[Standing, Adaptive] = {}
        self._number = 0

    def configure(self, settings: Settings, limits: Mapping[Standing, int], deployments: Iterable[Standing]) -> None:
        """Apply a configuration. `limits`: those that are written, of deployments and accounts. `deployments`: which get an
        adaptive limit, if there is such a thing; a written limit is its maximum.
        """
        self._most, self._longest = settings.queue, float(settings.wait)
        wanted = dict(limits)
        learned: dict[Standing, Adaptive] = {}
        if settings.adaptive is not None:
            for standing in deployments:
                most = min(limits.get(standing, settings.adaptive.max), settings.adaptive.max)
                learned[standing] = adaptive_of(settings.adaptive, most, self._adaptive.get(standing))
                wanted[standing] = learned[standing].limit
        for standing in self._limited:
            standing.limit = 0
        for standing, limit in wanted.items():
            standing.limit = limit
        self._limited, self._adaptive = tuple(wanted), learned
        for account in tuple(self._queues):
            self._hand_over(account)

    def try_enter(self, candidate: Candidate) -> bool:
        """Take a place, if there is one. Who got one owes a `leave`."""
        standing, account = candidate.standing, candidate.account
        if (standing.limit and standing.limit <= standing.places) or (account.limit and account.limit <= account.places):
            return False
        standing.places += 1
        account.places += 1
        return True

    def leave(self, candidate: Candidate, seconds: float = 0.0, answered: bool | None = None, first: float = 0.0) -> None:
        """Give a place back, once, however the attempt ended; the best waiter gets it.

        `seconds`: how long it was held, 0.0: not told; `first`: of a stream, seconds to its first content. `answered`: False if
        it failed as what has too much to do fails (a timeout, 429, 5xx); None if its ending tells nothing (the caller left).
        """
        standing, account = candidate.standing, candidate.account
        if standing.limit and seconds > 0.0:
            standing.service = _averaged(standing.service, seconds)
        if account.limit and seconds > 0.0:
            account.service = _averaged(account.service, seconds)
        if self._adaptive and answered is not None:
            adaptive = self._adaptive.get(standing)
            if adaptive is not None:
                standing.limit = adaptive.ended(seconds, first, answered=answered, running=standing.places)
        standing.places -= 1
        account.places -= 1
        if account.waiting:
            self._hand_over(account)

    async def first_free(self, candidates: Sequence[Candidate], priority: int, deadline: float, now: float) -> Candidate:
        """The first candidate in order that has a place, or, when all are full, the one where a place comes free first.

        `deadline`, `now`: monotonic seconds. Who gets a place owes a `leave`; cancelled, nothing is owed. Raises
        UpstreamUnavailable: code queue_full (nothing was waited for, or a higher class came), queue_timeout (the wait was over,
        or would be longer than the deadline allows).
        """
        for candidate in candidates:
            if self.try_enter(candidate):
                return candidate
        waiter = self.join(candidates, priority, deadline, now)
        loop = asyncio.get_running_loop()
        woken = waiter.woken = loop.create_future()
        timer = loop.call_later(max(waiter.until - now, 0.0), self.expire, waiter)
        try:
            await woken
        except asyncio.CancelledError:
            self.withdraw(waiter)
            raise
        finally:
            timer.cancel()
        if waiter.granted is None:
            raise self._refusal(waiter.reason, candidates)
        return waiter.granted

    def join(self, candidates: Iterable[Candidate], priority: int, deadline: float, now: float) -> Waiter:
        """Wait for the first place at any of `candidates`, all of them full. Raises UpstreamUnavailable if that is no use."""
        self._number += 1
        waiter = Waiter(priority, min(deadline, now + self._longest))
        rank = (-priority, waiter.until, self._number)
        several = tuple({candidate.standing: candidate for candidate in candidates}.values())
        hopeful = [candidate for candidate in several if now + self._expected(candidate, rank) <= deadline]
        if not hopeful:
            self.counts.late += 1
            raise self._refusal("queue_timeout", several)
        for candidate in hopeful:
            if self._has_room(candidate):
                self._enrol(waiter, rank, candidate)
        if not waiter.entries:
            self._enrol(waiter, rank, self._make_room(hopeful, priority))
        self.counts.waited += 1
        return waiter

    def withdraw(self, waiter: Waiter) -> None:
        """Its caller left: out of every queue, or the place that it was just handed goes to the next one."""
        self.counts.left += 1
        if waiter.granted is not None:
            self.leave(waiter.granted)
        self._forget(waiter)

    def expire(self, waiter: Waiter) -> None:
        """It waited as long as it may."""
        if waiter.entries:
            self.counts.expired += 1
            self._forget(waiter)
            waiter.reason = "queue_timeout"
            waiter.wake()

    def expected(self, candidate: Candidate, priority: int) -> float:
        """Seconds that a newcomer would wait for a place, as far as is known."""
        return self._expected(candidate, (-priority, inf, 0))

    def _expected(self, candidate: Candidate, rank: Rank) -> float:
        """Places come free every service/limit seconds on average, and each goes to the front of the queue."""
        standing, account = candidate.standing, candidate.account
        lines = self._queues.get(account, {})
        wait = 0.0
        if 0 < standing.limit <= standing.places:
            wait = (bisect_left(lines.get(standing, ()), rank) + 1) * standing.service / standing.limit
        if 0 < account.limit <= account.places:
            before = sum(bisect_left(line, rank) for line in lines.values())
            wait = max(wait, (before + 1) * account.service / account.limit)
        return wait

    def _has_room(self, candidate: Candidate) -> bool:
        """Whether one more may wait. Only what is limited has a queue to fill."""
        most = self._most
        standing, account = candidate.standing, candidate.account
        return not (standing.limit and standing.waiting >= most) and not (account.limit and account.waiting >= most)

    def _make_room(self, candidates: Sequence[Candidate], priority: int) -> Candidate:
        """Where one of a lower class had to go. Raises UpstreamUnavailable if there is none."""
        for candidate in candidates:
            lowest = self._lowest(candidate)
            if lowest is not None and -lowest[0] < priority:
                self._displace(lowest)
                return candidate
        self.counts.full += 1
        raise self._refusal("queue_full", candidates)

    def _lowest(self, candidate: Candidate) -> Entry | None:
        """Who would have to go so that one more may wait for `candidate`: the last one of the queue that is full."""
        lines = self._queues.get(candidate.account, {})
        standing = candidate.standing
        if standing.limit and standing.waiting >= self._most:
            return lines[standing][-1] if standing in lines else None
        return max((line[-1] for line in lines.values()), default=None)

    def _displace(self, entry: Entry) -> None:
        self._remove(entry)
        waiter = entry[4]
        waiter.entries.remove(entry)
        if not waiter.entries:  # it waited nowhere else
            self.counts.displaced += 1
            waiter.reason = "queue_full"
            waiter.wake()

    def _enrol(self, waiter: Waiter, rank: Rank, candidate: Candidate) -> None:
        standing, account = candidate.standing, candidate.account
        entry = (*rank, len(waiter.entries), waiter, candidate)
        insort(self._queues.setdefault(account, {}).setdefault(standing, []), entry)
        waiter.entries.append(entry)
        standing.waiting += 1
        account.waiting += 1

    def _forget(self, waiter: Waiter) -> None:
        for entry in waiter.entries:
            self._remove(entry)
        waiter.entries.clear()

    def _remove(self, entry: Entry) -> None:
        standing, account = entry[5].standing, entry[5].account
        lines = self._queues[account]
        line = lines[standing]
        del line[bisect_left(line, entry)]
        standing.waiting -= 1
        account.waiting -= 1
        if not line:
            del lines[standing]
            if not lines:
                del self._queues[account]

    def _hand_over(self, account: Standing) -> None:
        """Free places to the best of those who wait for them."""
        while not 0 < account.limit <= account.places:
            free = (
                line[0] for standing, line in self._queues.get(account, {}).items() if not 0 < standing.limit <= standing.places
            )
            best = min(free, default=None)
            if best is None:
                return
            waiter, candidate = best[4], best[5]
            self._forget(waiter)
            self.try_enter(candidate)
            self.counts.entered += 1
            waiter.granted = candidate
            waiter.wake()

    def _refusal(self, code: str, candidates: Iterable[Candidate]) -> UpstreamUnavailable:
        error = UpstreamUnavailable(
            "Every deployment of this model has as much to do as it may.",
            code=code,
            retry_after=min((self.expected(candidate, 0) for candidate in candidates), default=0.0),
        )
        error.reason, error.sent, error.elsewhere_only = code, False, True  # who waited in vain does not wait here again
        return error


def _averaged(average: float, seconds: float) -> float:
    return average + SMOOTHING * (seconds - average) if average else seconds

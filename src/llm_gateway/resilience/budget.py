"""How many retries may be under way: no more than a share of the requests that are, so that a storm cannot build (as Envoy's
retry budgets do).

Moving on to a deployment that is proven, because it answered lately and did not fail since, costs nothing: that is what it is
there for. Towards one of which nothing is known the budget holds. Whoever is beyond it waits for the next verdict: when a dead
deployment sends all its requests to another at once, the first few find out whether that one lives, and then the others follow
or give up. A retry that failed, too, counts for a little longer, so that those who move on from it to a third deployment, and a
fourth, do not make as many attempts again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.resilience.verdicts import Verdicts
from llm_gateway.routing.candidate import Candidate

LINGER = 1.0
"""Seconds that a retry counts after it failed."""


@dataclass(frozen=True)
class Allowance:
    """`share` of the requests in flight, but `minimum` at least, may be retries; `wait`: seconds for a verdict at most."""

    share: float = 0.2
    minimum: int = 3
    wait: float = 30.0


class Knows(Protocol):
    """resilience.feedback.Feedback."""

    def admits(self, candidate: Candidate, now: float) -> bool: ...

    def proven(self, candidate: Candidate, now: float) -> bool: ...


class Permit:
    """For one retry. To be released when its attempt is over, however it ended; again does nothing."""

    __slots__ = ("_budget", "_candidate")

    def __init__(self, budget: RetryBudget | None, candidate: Candidate) -> None:
        self._budget = budget
        self._candidate = candidate

    def release(self) -> None:
        budget, self._budget = self._budget, None
        if budget is not None:
            budget.released(self._candidate)


class RetryBudget:
    """One per process. `allowance` may be replaced at any time."""

    def __init__(self, knows: Knows, verdicts: Verdicts, in_flight: Callable[[], int], clock: Clock) -> None:
        """`in_flight`: how many requests are under way now."""
        self._knows = knows
        self._verdicts = verdicts
        self._in_flight = in_flight
        self._clock = clock
        self.allowance = Allowance()
        self._failed: deque[float] = deque()  # until when retries that failed count
        self.retries = 0
        """Under way that count."""
        self.refused = 0
        """Ever."""

    async def permit(self, candidate: Candidate, deadline: float) -> Permit | None:
        """For another attempt of a request, at `candidate`; None if there is none. `deadline`: monotonic seconds."""
        now = self._clock.monotonic()
        until = min(deadline, now + self.allowance.wait)
        while self._knows.admits(candidate, now):
            permit = self._at_once(candidate, now)
            if permit is not None:
                return permit
            if now >= until or not await self._verdicts.wait(candidate.name, min(until - now, LINGER)):
                break
            now = self._clock.monotonic()
        self.refused += 1
        return None

    def free(self, candidate: Candidate) -> Permit | None:
        """For an attempt that costs nothing, at a proven candidate; None: it would cost something, or it may not be asked now."""
        now = self._clock.monotonic()
        return Permit(None, candidate) if self.admits(candidate) and self._knows.proven(candidate, now) else None

    def admits(self, candidate: Candidate) -> bool:
        """Whether it may be asked now, as far as its circuit says."""
        return self._knows.admits(candidate, self._clock.monotonic())

    def released(self, candidate: Candidate) -> None:
        """By its Permit."""
        self.retries -= 1
        now = self._clock.monotonic()
        if not self._knows.proven(candidate, now):
            self._failed.append(now + LINGER)
        elif self._verdicts.waiting:
            self._verdicts.wake_any()  # the budget has room again, whoever it is for
        if self._verdicts.waiting and candidate.standing.running == 0:
            self._verdicts.wake_one(candidate.name)  # nobody is left there who could bring a verdict

    def _at_once(self, candidate: Candidate, now: float) -> Permit | None:
        if self._knows.proven(candidate, now):
            return Permit(None, candidate)
        allowance, failed = self.allowance, self._failed
        while failed and failed[0] <= now:
            failed.popleft()
        if self.retries >= allowance.minimum and self.retries + len(failed) >= int(allowance.share * self._in_flight()):
            return None
        self.retries += 1
        return Permit(self, candidate)

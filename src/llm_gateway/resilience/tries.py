"""After a failure: who is asked next, after which pause, or nobody. One request's state; what the failures mean stands here.

In the order in which it is considered:

1. A failure that is the request's own ends it: what one provider refuses, the others would refuse too. Two exceptions: a prompt
   too long for one model may fit a larger one, and what one provider filters another may answer if the route says so.
2. The next deployment of the same leg, at once.
3. Before another leg, which is another model: the leg's first deployment once more after a reset or a single 5xx; and one that
   asked for a pause of up to `max_wait` after that pause.
4. The next leg.
5. When everybody had a turn: from the front, with growing pauses.

3 and 5 repeat what was asked before; a route's `retries` limit how often. In a later round each that is asked again counts.

Who stayed silent, refuses our credentials, has no quota left or cannot prove who it is, is not asked twice.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from llm_gateway.core.errors import UpstreamContextOverflow, UpstreamError, UpstreamFiltered
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decision import Decision

SILENT = frozenset({"head_timeout", "first_token_timeout", "deadline", "connect_timeout", "idle_timeout"})
"""Reasons of a deployment that let us wait: it would do so again. One that answers 408 or 504 was not silent."""
QUICK = frozenset({"reset", "server_error", "cut"})
"""Reasons that often pass at once."""


class Step(NamedTuple):
    """Who is next, and after how many seconds."""

    candidate: Candidate
    wait: float


class Tries:
    """The tries of one request, made at its first failure."""

    __slots__ = (
        "_asked",
        "_at",
        "_backoff",
        "_decision",
        "_gone",
        "_leg",
        "_most",
        "_pauses",
        "_quick",
        "_repeats",
        "_round",
        "_waited",
        "failed",
    )

    def __init__(
        self, decision: Decision, backoff: Callable[[int], float], most: int | None = None, *, quick: bool = True
    ) -> None:
        """`backoff`: seconds before repeat number n. `most`: retries that the caller allows; None: as the route says. `quick`:
        whether the first leg may have the quick retry.
        """
        self._decision = decision
        self._backoff = backoff
        self._repeats: int = decision.route.retries
        self._most = inf if most is None else most
        self._leg = 0
        self._at = 0
        self._round = 0
        self._gone: set[Candidate] = set()
        self._asked: dict[Candidate, int] = {}
        self._pauses: dict[Candidate, float] = {}
        self._quick = not quick
        self._waited = False
        self.failed: UpstreamError | None = None
        """The last failure of a provider."""

    @property
    def current(self) -> Candidate:
        return self._decision.legs[self._leg].order[self._at]

    def after(self, error: UpstreamError, now: float) -> Step | None:
        """The step after `error` of the current candidate; None: there is none, and the error is the caller's."""
        self.failed = error
        candidate = self.current
        self._asked[candidate] = self._asked.get(candidate, 0) + 1
        route = self._decision.route
        if isinstance(error, UpstreamContextOverflow):
            self._drop_smaller(candidate)
        elif isinstance(error, UpstreamFiltered):
            if not route.around_filter:
                return None
            self._gone.add(candidate)
        elif not error.retryable:
            return None
        elif error.elsewhere_only or error.reason in SILENT:
            self._gone.add(candidate)
        pause = error.retry_after or 0.0
        if pause > route.max_wait:
            self._gone.add(candidate)
        elif pause:
            self._pauses[candidate] = now + pause
        return self._next(candidate, error.reason, now)

    def skip(self, now: float) -> Step | None:
        """The step after a candidate that could not be given the request: nothing was sent."""
        candidate = self.current
        self._gone.add(candidate)
        self._most += 1  # it was no try
        return self._next(candidate, "", now)

    def _next(self, candidate: Candidate, reason: str, now: float) -> Step | None:
        if self._most <= 0:
            return None
        self._most -= 1
        if self._forward(now):
            return Step(self.current, 0.0)
        return self._once_more(candidate, reason, now) or self._other_leg(now) or self._again(now)

    def _forward(self, now: float) -> bool:
        """To the next deployment of the leg that had no turn in this round and may be asked."""
        order = self._decision.legs[self._leg].order
        for position in range(self._at + 1, len(order)):
            if self._askable(order[position], now) and order[position] not in self._pauses and self._counted():
                self._at = position
                return True
        return False

    def _counted(self) -> bool:
        """Whether one more may be asked: in the first round everyone has a turn, later ones repeat."""
        if not self._round:
            return True
        self._repeats -= 1
        return self._repeats >= 0

    def _once_more(self, candidate: Candidate, reason: str, now: float) -> Step | None:
        """The same leg again before another one is asked: only if there is another one, and once for each reason."""
        if self._round or self._repeats <= 0 or self._leg + 1 >= len(self._decision.legs):
            return None
        order = self._decision.legs[self._leg].order
        if not self._quick and reason in QUICK and self._askable(candidate, now):
            self._quick = True
            self._repeats -= 1
            return Step(candidate, 0.0)
        waiting = [one for one in order if one in self._pauses and one not in self._gone]
        if self._waited or not waiting:
            return None
        self._waited = True
        self._repeats -= 1
        soonest = min(waiting, key=self._pauses.__getitem__)
        self._at = order.index(soonest)
        return Step(soonest, max(0.0, self._pauses.pop(soonest) - now))

    def _other_leg(self, now: float) -> Step | None:
        for leg in range(self._leg + 1, len(self._decision.legs)):
            for position, candidate in enumerate(self._decision.legs[leg].order):
                if self._askable(candidate, now) and self._counted():
                    self._leg, self._at = leg, position
                    self._quick = self._waited = False
                    return Step(candidate, 0.0)
        return None

    def _again(self, now: float) -> Step | None:
        """From the front, after a pause that grows."""
        if self._repeats <= 0:
            return None
        for leg, chosen in enumerate(self._decision.legs):
            for position, candidate in enumerate(chosen.order):
                if candidate in self._gone:
                    continue
                self._wait_out(candidate, now)
                if self._shut(candidate, now):
                    continue
                pause = max(self._backoff(self._round), self._pauses.pop(candidate, now) - now)
                self._leg, self._at = leg, position
                self._round += 1
                self._repeats -= 1
                return Step(candidate, pause)
        return None

    def _wait_out(self, candidate: Candidate, now: float) -> None:
        """A rate limit of which the provider did not say how long it holds is a pause, too, once nobody else is left."""
        until = candidate.standing.until
        if candidate.standing.reason == "rate_limited" and now < until <= now + self._decision.route.max_wait:
            self._pauses.setdefault(candidate, until)

    def _askable(self, candidate: Candidate, now: float) -> bool:
        return candidate not in self._gone and not self._shut(candidate, now)

    def _shut(self, candidate: Candidate, now: float) -> bool:
        """Whether its circuit lets nobody through. A pause that it asked this request for is waited for instead."""
        for standing in (candidate.standing, candidate.account):
            if standing.until > now and not (standing.reason == "rate_limited" and candidate in self._pauses):
                return True
        return False

    def _drop_smaller(self, candidate: Candidate) -> None:
        """A prompt that did not fit is only given to models that are known to take more."""
        for leg in self._decision.legs:
            for other in leg.order:
                if other.context <= candidate.context or not candidate.context:
                    self._gone.add(other)

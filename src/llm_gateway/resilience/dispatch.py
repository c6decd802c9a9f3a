"""Asks the candidates of a decision until one commits: the one state machine for whole and streamed answers (design section 5).

Until the first valid content nothing was sent to the caller, so that a failure before it moves to the next candidate, within the
request's deadline, its attempts and the gateway's retry budget. After it, a failure belongs to the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamError, UpstreamRejected, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.providers.answer import StreamAnswer
from llm_gateway.providers.continuing.legs import broken_off, resume
from llm_gateway.resilience.attempts import Answer, AskDeployment, Attempts
from llm_gateway.resilience.backoff import Backoff
from llm_gateway.resilience.budget import Permit, RetryBudget
from llm_gateway.resilience.hedges import Hedges, twice
from llm_gateway.resilience.mirrors import Mirrors
from llm_gateway.resilience.nobody import nobody, short_pause
from llm_gateway.resilience.tries import Step, Tries
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decision import Chosen, Decision

SEAM_SECONDS = 60.0
"""From a cut to the first content of the next leg."""
LEAST_LEFT = 0.01
"""Seconds. With less than this before the deadline another try could only cost money."""

EARLY = 0.002
"""Seconds that timers may fire too early by: a pause that is not over would be met as a closed door."""


def _none(_ex: Exchange) -> list[str]:
    return []


class Decide(Protocol):
    def __call__(self, ex: Exchange) -> Decision: ...


class Dispatch:
    """One per snapshot. What its parts mark (Standings, budget, places) outlives it."""

    def __init__(
        self,
        *,
        attempts: Attempts,
        hedges: Hedges,
        budget: RetryBudget,
        backoff: Backoff,
        clock: Clock,
        mirrors: Mirrors | None = None,
        alternatives: Callable[[Exchange], list[str]] = _none,
    ) -> None:
        """`mirrors` None: nothing is mirrored, whatever rules say. `alternatives`: what else a caller could ask for."""
        self._alternatives = alternatives
        self._attempt = attempts
        self._mirrors = mirrors
        self._hedges = hedges
        self._budget = budget
        self._backoff = backoff
        self._clock = clock
        self.ended = attempts.ended

    async def __call__(self, ex: Exchange, decide: Decide, ask: AskDeployment) -> Answer:
        """An answer that has begun. Raises the last failure when nobody is left, and what is the request's own fault."""
        decision = ex.decision = decide(ex)
        route = decision.route
        ex.on_cut = route.on_cut
        deadline = ex.received + (route.total if decision.wishes is None else decision.total)
        if decision.mirror is not None and self._mirrors is not None:
            self._mirrors.send(ex, decision.mirror.candidate, ask, decision.total)
        if not decision.legs:
            decision = await self._waited(ex, decision, decide, deadline)
        order = decision.legs[0].order
        hedged = route.hedge is not None and len(order) > 1 and twice(ex)
        try:
            candidate = order[0]
            if not self._attempt.place_at_once(candidate):
                candidate = await self._attempt.place(order, decision.priority, deadline)
                decision = ex.decision = _beginning_with(candidate, decision)
            if hedged:
                outcome = await self._hedges(ex, decision, ask, deadline)
                if not isinstance(outcome, tuple):
                    return outcome
                return await self._after(ex, decision, ask, deadline, outcome)
            return await self._attempt(ex, candidate, ask, deadline)
        except (UpstreamError, Unsupported) as error:
            return await self._after(ex, decision, ask, deadline, (error,))

    async def onward(self, ex: Exchange, cut: StreamAnswer, ask: AskDeployment) -> StreamAnswer:
        """Another leg of an answer that broke off (docs/STREAM-CONTRACT.md). Raises what its stream is to end with."""
        error = cut.error
        if cut.story is None or not isinstance(error, UpstreamError):
            raise error or RuntimeError("the answer is not over")
        ex.attempts[-1].error = error.reason
        broke = ex.running.candidate
        self.ended(ex, complete=False, error=error)
        resume(ex, cut.story, error)
        deadline = self._clock.monotonic() + SEAM_SECONDS
        try:
            return await self._after(ex, _after_cut(ex, broke), ask, deadline, (error,))  # type: ignore[return-value]
        except UpstreamError as failure:
            raise broken_off(error, failure) from None

    async def _after(
        self,
        ex: Exchange,
        decision: Decision,
        ask: AskDeployment,
        deadline: float,
        errors: tuple[UpstreamError | Unsupported, ...],
    ) -> Answer:
        """The rest of the candidates, after the first of them came to `errors`."""
        wishes = decision.wishes
        quick = ex.story is None or ex.story.seams < 2  # who broke off twice is not asked a third time before the others
        tries = Tries(decision, self._backoff.wait, None if wishes is None else wishes.retries, quick=quick)
        step = None
        for error in errors:
            step = self._step(tries, error)
        while True:
            error = errors[-1]
            permit, spent = None, False
            while step is not None and permit is None:
                permit = await self._may(step, deadline, spent=spent)
                if permit is None:
                    spent = spent or self._budget.admits(step.candidate)
                    step = self._past(tries, deadline)
            if step is None or permit is None:
                raise self._final(ex, decision, error if isinstance(error, UpstreamError) else tries.failed or error)
            for handled in errors:
                release(handled)
            try:
                await self._attempt.place((step.candidate,), decision.priority, deadline)
                return await self._attempt(ex, step.candidate, ask, deadline)
            except (UpstreamError, Unsupported) as failure:
                errors = (failure,)
                step = self._step(tries, failure)
            finally:
                permit.release()

    def _final(self, ex: Exchange, decision: Decision, error: GatewayError) -> GatewayError:
        """`error` as the caller is told it."""
        helpless = isinstance(error, UpstreamError) and not isinstance(error, UpstreamRejected)
        if helpless and decision.route.show_alternatives:
            error.details = (error.details or {}) | {"alternatives": self._alternatives(ex)}
        return error

    def _step(self, tries: Tries, error: UpstreamError | Unsupported) -> Step | None:
        now = self._clock.monotonic()
        # Unsupported: nothing was sent. This candidate cannot be given the request, another one may.
        return tries.after(error, now) if isinstance(error, UpstreamError) else tries.skip(now)

    def _past(self, tries: Tries, deadline: float) -> Step | None:
        """The step after one that may not be taken: its circuit has opened meanwhile, or the retry budget has nothing for it."""
        now = self._clock.monotonic()
        return tries.skip(now) if now + LEAST_LEFT < deadline else None

    async def _may(self, step: Step, deadline: float, *, spent: bool) -> Permit | None:
        """Waits until the step may be taken. None: time or the gateway's retry budget is used up, or its circuit has opened.

        `spent`: the budget had nothing for this request already, so that it may only go where that costs nothing.
        """
        if self._clock.monotonic() + step.wait + LEAST_LEFT >= deadline:
            return None
        if spent:
            return None if step.wait else self._budget.free(step.candidate)
        if step.wait:
            await asyncio.sleep(step.wait + EARLY)
        return await self._budget.permit(step.candidate, deadline)

    async def _waited(self, ex: Exchange, decision: Decision, decide: Decide, deadline: float) -> Decision:
        """A decision with candidates, after a short pause that they asked for. Raises what is to be told otherwise."""
        if self._attempt.urge(decision):
            decision = ex.decision = decide(ex)
            if decision.legs:
                return decision
        patience = self._clock.monotonic() + decision.route.max_wait
        while True:
            now = self._clock.monotonic()
            pause = short_pause(decision, now, patience)
            if pause is None or now + pause + LEAST_LEFT >= deadline:
                raise self._final(ex, decision, nobody(decision, now))
            await asyncio.sleep(pause + EARLY)
            decision = ex.decision = decide(ex)
            if decision.legs:
                return decision


def _beginning_with(candidate: Candidate, decision: Decision) -> Decision:
    """The same with a candidate of the first leg in front."""
    leg, *others = decision.legs
    order = (candidate, *(other for other in leg.order if other is not candidate))
    return replace(decision, legs=(Chosen(leg.leg, order), *others))


def _after_cut(ex: Exchange, broke: Candidate) -> Decision:
    """The request's decision with the candidate that broke off first, for who comes after it is asked. Those that failed before
    are last: an answer has few seams, and two that keep breaking must not use them up between them.
    """
    decision: Decision = ex.decision
    failed = {(attempt.provider, attempt.model) for attempt in ex.attempts if attempt.error is not None}
    own: list[Chosen] = []
    fresh: list[Chosen] = []
    again: list[Chosen] = []
    for chosen in decision.legs:
        unasked = tuple(one for one in chosen.order if (one.provider, one.deployment.model) not in failed)
        asked = tuple(one for one in chosen.order if one not in unasked and one is not broke)
        if broke in chosen.order:
            own.append(Chosen(chosen.leg, (broke, *unasked)))
        elif unasked:
            fresh.append(Chosen(chosen.leg, unasked))
        if asked:
            again.append(Chosen(chosen.leg, asked))
    return replace(decision, legs=(*own, *fresh, *again))

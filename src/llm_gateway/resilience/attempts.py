"""One try at one candidate, counted wherever it ends: its place in the bulkhead, its mark in the Standings, its attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unsupported, UpstreamError, UpstreamUnavailable
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.providers.deployment import Deployment, Patience, with_own_key
from llm_gateway.providers.raw import RawAnswer
from llm_gateway.resilience.bulkhead import Bulkhead
from llm_gateway.resilience.feedback import Feedback, Run
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.prefix import PrefixIndex, learn

Answer = WholeAnswer | StreamAnswer | RawAnswer
STRAINED = frozenset(
    {
        "rate_limited",
        "overloaded",
        "unavailable",
        "server_error",
        "head_timeout",
        "first_token_timeout",
        "idle_timeout",
        "upstream_timeout",
        "timeout",
        "deadline",
    }
)
"""Reasons of who may have too much to do."""


BYTES_PER_TOKEN = 4
"""Of a request's body, for a first guess at its prompt: what was used is known soon."""


class AskDeployment(Protocol):
    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> Answer: ...


class Attempts:
    """Makes tries. What it marks outlives a snapshot."""

    def __init__(
        self,
        feedback: Feedback,
        bulkhead: Bulkhead,
        clock: Clock,
        prefixes: PrefixIndex | None = None,
        sent: Callable[[Exchange, Candidate], None] | None = None,
    ) -> None:
        """`prefixes`: is told who was sent which prompts, for routes that ask. `sent`: the ledger's, told before anything is."""
        self._sent = sent
        self._prefixes = prefixes
        self._feedback = feedback
        self._bulkhead = bulkhead
        self._now = clock.monotonic
        self.place_at_once: Callable[[Candidate], bool] = bulkhead.try_enter
        """Whether there was a place, which is taken then."""
        self.give_back: Callable[[Candidate], None] = bulkhead.leave
        """A place that no attempt was made with."""

    async def place(self, candidates: Sequence[Candidate], priority: int, deadline: float) -> Candidate:
        """The first of the candidates that has a place, which is taken; if all are full, whichever has one first. `__call__`
        gives it back. Raises UpstreamUnavailable.
        """
        first = candidates[0]
        if self._bulkhead.try_enter(first):
            return first
        found = await self._bulkhead.first_free(candidates, priority, deadline, self._now())
        if not self._feedback.admits(found, self._now()):  # its circuit opened meanwhile
            self._bulkhead.leave(found)
            error = UpstreamUnavailable("The provider failed lately; it is asked again soon.", code="circuit_breaker_open")
            error.reason, error.sent = "circuit_open", False
            raise error
        return found

    def urge(self, decision: Decision) -> bool:
        """Nobody can be asked: whether one of those whose circuits are open may be after all."""
        shut = (one.candidate for one in decision.refused if one.reason == "circuit_open")
        return self._feedback.urge(shut, self._now())

    async def __call__(  # noqa: PLR0915 - one statement for each way in which it may end
        self, ex: Exchange, candidate: Candidate, ask: AskDeployment, deadline: float
    ) -> Answer:
        """An answer that has begun, of a candidate where a place is taken. Raises UpstreamError, and Unsupported where nothing
        was sent.
        """
        now = started = self._now()
        deployment = candidate.deployment if ex.caller is None or ex.caller.accounts is None else _own(ex, candidate.deployment)
        upstream = deployment.upstream
        attempt = Attempt(upstream.name, deployment.model, started, 0.0, 0, None, upstream.own)
        ex.attempts.append(attempt)
        feedback = self._feedback
        # Tokens of the prompt, about, where the provider's limits are known and the key is ours.
        counted = (candidate.standing.paces or candidate.account.paces) and not upstream.own
        run = feedback.started(candidate, started, len(ex.body) // BYTES_PER_TOKEN if counted else -1)
        answered: bool | None = None
        try:
            if self._sent is not None:
                self._sent(ex, candidate)
            answer = await ask(ex, deployment, candidate.patience, deadline)
            attempt.ended = now = self._now()
            if type(answer) is WholeAnswer:
                feedback.succeeded(run, now, now - started, answer.usage)
                answered = True
                if ex.prefix:
                    self._learn(ex, candidate, answer.usage, now)
            else:
                feedback.first(run, now, now - started)
                ex.running = run
        except UpstreamError as error:
            attempt.error = error.reason
            attempt.ended = now = self._now()
            feedback.failed(run, now, error, stream=ex.stream, again=_again(ex.attempts), own=attempt.own)
            answered = False if error.reason in STRAINED else None
            raise
        except Unsupported:
            ex.attempts.pop()
            feedback.left(run)
            raise
        except BaseException:
            attempt.ended = now = self._now()
            feedback.left(run)
            raise
        else:
            return answer
        finally:
            if ex.running is not run:
                self._bulkhead.leave(candidate, now - started, answered)

    def ended(self, ex: Exchange, *, complete: bool, error: Exception | None = None) -> None:
        """A stream is over: `complete`, cut by `error`, or left by its caller."""
        run: Run = ex.running
        ex.running = None
        attempt = ex.attempts[-1]
        now = self._now()
        held, first = now - attempt.started, attempt.ended - attempt.started
        attempt.over = now
        if complete:
            self._feedback.succeeded(run, now, held, ex.usage, first)
            if ex.prefix:
                self._learn(ex, run.candidate, ex.usage, now)
        elif isinstance(error, UpstreamError):
            self._feedback.failed(run, now, error, stream=True, own=attempt.own)
        else:
            self._feedback.left(run)
        self._bulkhead.leave(run.candidate, held, first=first, answered=complete or None)

    def _learn(self, ex: Exchange, candidate: Candidate, usage: Usage | None, now: float) -> None:
        """Its prompt cache holds this prompt now."""
        if self._prefixes is not None:
            learn(self._prefixes, candidate.name, candidate.deployment.upstream.kind.name, ex.prefix, usage, now)


def _own(ex: Exchange, deployment: Deployment) -> Deployment:
    """With a key of the caller's tenant, if it has one there. A mirror is the operator's affair."""
    keys = None if ex.caller is None else ex.caller.accounts
    return deployment if keys is None or ex.outcome == "mirrored" else with_own_key(deployment, keys)


def _again(attempts: list[Attempt]) -> bool:
    """Whether the last attempt was at a deployment that the request had asked before."""
    last = attempts[-1]
    return any(one.provider == last.provider and one.model == last.model for one in attempts[:-1])

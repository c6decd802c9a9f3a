"""Races: the first two candidates of a route that hedges (hedging.py says when and how)."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unsupported, UpstreamError
from llm_gateway.core.estimate import estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Operation
from llm_gateway.providers.answer import WholeAnswer
from llm_gateway.resilience.attempts import Answer, AskDeployment, Attempts
from llm_gateway.resilience.hedging import Delay, harmless, race
from llm_gateway.routing.candidate import Candidate, Rates
from llm_gateway.routing.cost import expected_output
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.features import Features

_OPERATIONS = (Operation.CHAT, Operation.COMPLETION)
_WINNERS = ("request", "files", "dropped", "extra_lines", "running", "usage")
"""What an attempt writes into its Exchange besides its line in `attempts`."""
TOKENS = Rates((1, 1, 4))
"""What tokens are worth to each other with most providers: output is several times dearer than input."""


class Stakes(NamedTuple):
    """What is at stake when a request is asked twice: its prompt's tokens, what it is expected to cost, and what the second
    attempt costs if it is in vain (in the same unit).
    """

    tokens: int
    whole: float
    second: float


class Hedges:
    """One per snapshot; what it learns of a route is learned anew by the next one."""

    def __init__(self, attempts: Attempts, clock: Clock) -> None:
        self._attempt = attempts
        self._clock = clock
        self._delays: dict[str, Delay] = {}

    async def __call__(
        self, ex: Exchange, decision: Decision, ask: AskDeployment, deadline: float
    ) -> Answer | tuple[UpstreamError | Unsupported, ...]:
        """The answer of the faster one; or how the first, and the second if it was asked, failed. The first's place is taken,
        and `twice` said that the request may be given to two.
        """
        order = decision.legs[0].order
        delay = self._delay(decision)
        stakes = stakes_of(ex, order[0], order[1])
        legs = (copy(ex), copy(ex))
        for leg in legs:
            leg.attempts = []
        failures: list[UpstreamError | None] = [None, None]
        unused = [order[0]]  # places that no attempt holds yet: a task that is cancelled before its first step never will

        async def run(index: int) -> Answer:
            unused.remove(order[index])
            try:
                return await self._attempt(legs[index], order[index], ask, deadline)
            except UpstreamError as error:
                failures[index] = error
                raise

        began = self._clock.monotonic()
        seconds = delay.after(stakes.tokens)

        def start() -> bool:
            """Nobody waits for a place to be the second."""
            if seconds is None or not self._attempt.place_at_once(order[1]):
                return False
            if delay.take(stakes.second):
                unused.append(order[1])
                return True
            self._attempt.give_back(order[1])
            return False

        try:
            answer, second = await race(run(0), lambda: run(1), seconds or 0.0, start, self._lost)
        except UpstreamError:
            ex.attempts += legs[0].attempts + legs[1].attempts
            return tuple(error for error in failures if error is not None)
        except Unsupported as error:
            return (error,)
        finally:
            for candidate in unused:
                self._attempt.give_back(candidate)
        delay.add(self._clock.monotonic() - began, stakes.tokens, stakes.whole)
        won, other = legs[second], legs[not second]
        if other.running is not None:
            self._attempt.ended(other, complete=False)
        for name in _WINNERS:
            setattr(ex, name, getattr(won, name))
        tried = other.attempts if failures[not second] is not None else []
        ex.hedges = other.attempts if not tried and other.attempts else None
        ex.attempts += tried + won.attempts
        return answer

    def _delay(self, decision: Decision) -> Delay:
        route = decision.route
        delay = self._delays.get(route.name)
        if delay is None:
            delay = self._delays[route.name] = Delay(route.hedge.delay, route.hedge.extra)
        return delay

    @staticmethod
    def _lost(answer: Answer) -> None:
        """An answer that had begun when the other one was taken."""
        if not isinstance(answer, WholeAnswer):
            answer.close()


def stakes_of(ex: Exchange, first: Candidate, second: Candidate) -> Stakes:
    """Of a request in neutral form. Prices that are not known are taken to be TOKENS for everybody."""
    request = ex.request
    assert request is not None  # noqa: S101 - `twice` made it
    tokens = estimate(request)
    limit = -1 if request.max_tokens is None else request.max_tokens
    features = Features(ex.model, 0.0, 0.0, 0, tokens=tokens, output=limit)
    prices = [one.rates for one in (first, second) if one.rates is not None and any(one.rates)]
    one, other = (prices[0], prices[1]) if len(prices) == 2 else (TOKENS, TOKENS)
    output = expected_output(first, features)
    read = tokens * other[0]
    # A stream's loser is cancelled at the winner's first content; a whole answer's may be nearly done by then.
    return Stakes(tokens, tokens * one[0] + output * one[2], read if ex.stream else read + output * other[2])


def twice(ex: Exchange) -> bool:
    """Whether the request may be given to two providers. Raises InvalidRequest and MalformedBody."""
    if ex.front.operation not in _OPERATIONS:
        return False
    if ex.request is None:
        ex.request = ex.front.parse_request(ex.body)
    return harmless(ex.request)

"""The life of a request. The order of these lines is policy; each comment says why the stage stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamError, UpstreamUnavailable, release
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.providers.deployment import Deployment, Patience
from llm_gateway.providers.raw import RawAnswer
from llm_gateway.routing.route import Backoff, Route

Answer = WholeAnswer | StreamAnswer | RawAnswer
LONGEST_WAIT = 5.0
"""Seconds a request may wait for a provider that asks for a pause, before the caller is told instead."""
LEAST_LEFT = 0.01
"""Seconds. With less than this before the deadline another try could only cost money."""


class Responder(Protocol):
    """The edge's half: how answers and errors reach the caller."""

    def respond(self, ex: Exchange, answer: Answer) -> Awaitable[None] | None: ...

    def refuse(self, ex: Exchange, error: GatewayError) -> None: ...

    def abandon(self, ex: Exchange) -> None: ...


class AskDeployment(Protocol):
    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> Answer: ...


class Pipeline:
    """One per snapshot: a reload builds another beside it, and requests in flight keep theirs."""

    def __init__(  # noqa: PLR0913 - its stages, each by name
        self,
        *,
        observe: Callable[[Exchange], AbstractContextManager[None]],
        identify: Callable[[Exchange], None],
        authorize: Callable[[Exchange], None],
        route: Callable[[Exchange], Route],
        ask: AskDeployment,
        backoff: Backoff,
        clock: Clock,
        edge: Responder,
        report: Callable[[Exchange, Exception], None],
    ) -> None:
        self.observe = observe
        self.identify = identify
        self.authorize = authorize
        self.route = route
        self.ask = ask
        self.backoff = backoff
        self.clock = clock
        self.edge = edge
        self.report = report

    async def serve(self, ex: Exchange) -> None:
        with self.observe(ex):  # outermost: it must see every ending
            try:
                self.identify(ex)  # who, before anything costs time: a stranger's body is not even parsed
                view = ex.view = ex.front.view(ex.body)  # what is asked, as little of it as policy needs
                ex.model, ex.stream = view.model, view.stream
                self.authorize(ex)  # may they use this model
                answer = await self.dispatch(ex)
                streaming = self.edge.respond(ex, answer)  # whole: one write
                if streaming is not None:
                    await streaming  # sleeps until the stream is over
            except GatewayError as error:
                self.edge.refuse(ex, error)  # in the caller's dialect; in-band once committed
                release(error)
            except asyncio.CancelledError:
                self.edge.abandon(ex)  # the caller left, or the drain's grace is over
                raise
            except Exception as bug:  # noqa: BLE001 - one request's bug is that request's alone
                self.report(ex, bug)
                self.edge.refuse(ex, GatewayError("The gateway failed to handle this request. Its log has the details."))
                release(bug)

    async def dispatch(self, ex: Exchange) -> Answer:
        """Candidates in order until one commits; after that a failure belongs to the answer."""
        route = self.route(ex)
        if not route.candidates:
            raise UpstreamUnavailable("No provider of this model is running.", code="no_providers_available")
        deadline = ex.received + route.total
        deployment, patience = route.candidates[0]
        tries: Tries | None = None  # made by the first failure; most requests have none
        while True:
            attempt = Attempt(deployment.upstream.name, deployment.model, self.clock.monotonic())
            ex.attempts.append(attempt)
            try:
                return await self.ask(ex, deployment, patience, deadline)
            except UpstreamError as error:
                attempt.error = error.reason
                tries = tries or Tries(route)
                wait = tries.next(error, self.backoff)
                if wait is None or self.clock.monotonic() + wait + LEAST_LEFT >= deadline:
                    raise
                release(error)
            except Unsupported as error:  # nothing was sent: this candidate cannot be given the request, another one may
                ex.attempts.pop()
                tries = tries or Tries(route)
                wait = tries.skip(self.backoff)
                if wait is None:
                    raise tries.failed or error from None
                release(error)
            finally:
                attempt.ended = self.clock.monotonic()
            if wait:
                await asyncio.sleep(wait)
            deployment, patience = tries.current()


class Tries:
    """Which candidate is next, and whether there is a next one: each once, in order, then `retries` more among the hopeful."""

    __slots__ = ("_asked", "_hopeful", "_left", "_position", "_round", "failed")

    def __init__(self, route: Route) -> None:
        self._hopeful = list(route.candidates)
        self._left = len(route.candidates) + route.retries
        self._position = 0
        self._round = 0
        self._asked = 0.0  # the longest pause that a hopeful candidate asked for in this round
        self.failed: UpstreamError | None = None
        """The last failure of a provider."""

    def current(self) -> tuple[Deployment, Patience]:
        return self._hopeful[self._position]

    def next(self, error: UpstreamError, backoff: Backoff) -> float | None:
        """Seconds to wait before the next try (0.0: at once, elsewhere); None: there is none."""
        self.failed = error
        if not error.retryable:
            return None
        asked = error.retry_after or 0.0
        if error.elsewhere_only or asked > LONGEST_WAIT:
            return self.skip(backoff)
        self._asked = max(self._asked, asked)
        self._position += 1
        return self._wait(backoff)

    def skip(self, backoff: Backoff) -> float | None:
        """As `next`, and the current candidate is not asked again."""
        del self._hopeful[self._position]
        return self._wait(backoff)

    def _wait(self, backoff: Backoff) -> float | None:
        self._left -= 1
        if self._left <= 0 or not self._hopeful:
            return None
        if self._position < len(self._hopeful):
            return 0.0
        # Every candidate had its turn: from the front again, after a pause.
        pause = max(backoff.wait(self._round), self._asked)
        self._position, self._asked = 0, 0.0
        self._round += 1
        return pause

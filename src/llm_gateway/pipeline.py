"""The life of a request. The order of these lines is policy; each comment says why the stage stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

from llm_gateway.cache.entry import KeptAnswer
from llm_gateway.cache.stage import Dispatching
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.providers.answer import StreamAnswer
from llm_gateway.resilience.attempts import Answer, AskDeployment
from llm_gateway.resilience.dispatch import Decide


class Responder(Protocol):
    """The edge's half: how answers and errors reach the caller."""

    def respond(self, ex: Exchange, answer: Answer | KeptAnswer) -> Awaitable[None] | None: ...

    def refuse(self, ex: Exchange, error: GatewayError) -> None: ...

    def abandon(self, ex: Exchange) -> None: ...


class Pipeline:
    """One per snapshot: a reload builds another beside it, and requests in flight keep theirs."""

    def __init__(  # noqa: PLR0913 - its stages, each by name
        self,
        *,
        observe: Callable[[Exchange], AbstractContextManager[None]],
        identify: Callable[[Exchange], Awaitable[None] | None],
        admit: Callable[[Exchange], None],
        authorize: Callable[[Exchange], None],
        hold: Callable[[Exchange], Awaitable[None] | None],
        decide: Decide,
        dispatch: Dispatching,
        ask: AskDeployment,
        clock: Clock,
        edge: Responder,
        report: Callable[[Exchange, Exception], None],
    ) -> None:
        self.observe = observe
        self.identify = identify
        self.admit = admit
        self.authorize = authorize
        self.hold = hold
        self.decide = decide
        self.dispatch = dispatch
        self.ask = ask
        self.clock = clock
        self.edge = edge
        self.report = report

    async def _onward(self, ex: Exchange, cut: StreamAnswer) -> StreamAnswer:
        return await self.dispatch.onward(ex, cut, self.ask)

    async def serve(self, ex: Exchange) -> None:
        complete = False
        clock = self.clock.monotonic
        with self.observe(ex):  # outermost: it must see every ending
            try:
                waiting = self.identify(ex)  # who, before anything costs time: a stranger's body is not even parsed
                if waiting is not None:
                    await waiting  # only for a token that somebody else has to be asked about
                identified = clock()
                self.admit(ex)  # whoever is known has a row in the ledger, however this ends; `dispatch` notes each attempt
                view = ex.view = ex.front.view(ex.body)  # what is asked, as little of it as policy needs
                ex.model, ex.stream = view.model, view.stream
                self.authorize(ex)  # may they use this model
                permitted = clock()
                waiting = self.hold(ex)  # may they use so much of it: reserved before it is sent, settled by `observe` at its end
                if waiting is not None:
                    await waiting  # only where workers count together
                ex.stages = identified, permitted, clock()
                answer = await self.dispatch(
                    ex, self.decide, self.ask
                )  # who serves it: what is kept, or candidates until one commits
                if ex.on_cut == "continue" and type(answer) is StreamAnswer:
                    answer.onward = self._onward  # and who goes on, if that one breaks
                streaming = self.edge.respond(ex, answer)  # whole: one write
                if streaming is not None:
                    await streaming  # sleeps until the stream is over
                    complete = True
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
            finally:
                if ex.running is not None:
                    self.dispatch.ended(ex, complete=complete, error=ex.error)  # a stream holds its place until its end

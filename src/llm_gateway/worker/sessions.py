"""Where realtime sessions are joined together: the pipeline of all requests, with the stages of edge/realtime.py.

A session outlives configurations. What a request is asked once, before it is let in, it is asked again and again, by the
configuration of the moment: who has it, whether he may, and whether there is room for more (Standing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from llm_gateway.config.schema import Realtime as Settings
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden, GatewayError, Unauthenticated
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.openai_realtime import Told
from llm_gateway.edge.app import SessionHandler
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.realtime import PATH, Admit, Realtime, RespondSession, Sessions
from llm_gateway.http.client import Client
from llm_gateway.identity.who import Who
from llm_gateway.limits.sessions import SessionHold
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.realtime import OpenSession
from llm_gateway.worker.accounts import Accounts


class Standing:
    """One per worker: by whose word sessions go on. Of the newest configuration, and set before there is any session."""

    who: Who
    authorize: Callable[[Exchange], None]
    accounts: Accounts

    def now(self, who: Who, authorize: Callable[[Exchange], None], accounts: Accounts) -> Standing:
        """By theirs, from now on."""
        self.who, self.authorize, self.accounts = who, authorize, accounts
        return self


class Charged:
    """One session's edge.relay.Account."""

    def __init__(self, standing: Standing, ex: Exchange, refuse: Callable[[GatewayError], None]) -> None:
        self._standing = standing
        self._ex = ex
        self._refuse = refuse
        self._hold = SessionHold(ex, refuse)
        self._asking: asyncio.Future[Caller] | None = None
        self._over = False

    def begun(self, running: int) -> None:
        """See Account."""
        self._standing.accounts.begun(self._hold, running)

    def told(self, told: Told, running: int) -> None:
        """See Account."""
        try:
            self._standing.accounts.told(self._ex, self._hold, told, running)
        except Forbidden as error:
            self._refuse(error)

    def look(self) -> None:
        """See Account."""
        self._standing.accounts.renew(self._hold)
        if self._asking is not None:
            return
        try:
            found = self._standing.who.again(self._ex)
            if isinstance(found, Caller):
                self._goes_on(found)
            else:
                self._asking = asyncio.ensure_future(found)
                self._asking.add_done_callback(self._answered)
        except GatewayError as error:
            self._judge(error)

    def end(self) -> None:
        """See Account."""
        self._over = True
        self._hold.end()

    def _answered(self, asking: asyncio.Future[Caller]) -> None:
        """Somebody else was asked who it is. Not told to stop when the session is over: others may wait for the same answer."""
        self._asking = None
        if asking.cancelled():
            return
        try:
            caller = asking.result()
            if not self._over:
                self._goes_on(caller)
        except GatewayError as error:
            self._judge(error)

    def _goes_on(self, caller: Caller) -> None:
        """Raises Forbidden."""
        self._ex.caller = caller
        self._standing.authorize(self._ex)

    def _judge(self, error: GatewayError) -> None:
        """Where nobody can tell at the moment, it may go on: it was let in once."""
        if isinstance(error, Unauthenticated | Forbidden):
            self._refuse(error)


def session_routes(
    settings: Settings, pipeline: Pipeline, clients: Mapping[str, Client], cors: Cors, sessions: Sessions, standing: Standing
) -> Mapping[bytes, SessionHandler]:
    """Path -> handler; none where sessions are turned off. `standing`: as it is from now on, also for sessions that run."""
    if not settings.enabled:
        return MappingProxyType({})
    own = copy(pipeline)
    own.authorize = Admit(pipeline.authorize, cors, settings, sessions)
    # The two stages agree between them on what an answer is: an open session.
    own.ask = cast("Any", OpenSession(clients, pipeline.clock, sessions.budget, settings.message))
    own.edge = RespondSession(pipeline.clock, settings, sessions, partial(Charged, standing))
    return MappingProxyType({PATH: Realtime(own, sessions, pipeline.clock)})

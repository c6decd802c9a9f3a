"""Signing in with all that it needs, for the admin API."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from starlette.routing import BaseRoute

from llm_gateway.config.schema import Auth, Config
from llm_gateway.config.schema.signin import SignInSession
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.principals import Principals
from llm_gateway.control.signin.bearer import Bearer
from llm_gateway.control.signin.entering import Entering
from llm_gateway.control.signin.outside import Outside
from llm_gateway.control.signin.passwords import Passwords
from llm_gateway.control.signin.routes import SignInRoutes
from llm_gateway.control.signin.sessions import Sessions
from llm_gateway.identity.keysets import KeySets
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.journal import Log


class SigningIn:
    """One per control process. Adds sessions and tokens to what `principals` recognise."""

    def __init__(
        self,
        desk: Desk,
        principals: Principals,
        built: Callable[[], Snapshot | None],
        environ: Mapping[str, str],
        log: Log,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`built`: the snapshot that holds now."""

        def config() -> Config | None:
            snapshot = built()
            return None if snapshot is None else snapshot.config

        def session() -> SignInSession:
            known = config()
            return (Auth() if known is None else known.auth).admin.session

        self._passwords = Passwords()
        self._outside = Outside(environ)
        self._keysets = KeySets(desk.clock, draw, log)
        self._bearer = Bearer(built, self._outside, desk.clock, log, draw)
        sessions = Sessions(desk.store, desk.ring, desk.clock, session)
        entering = Entering(desk, sessions, self._passwords, self._outside, self._keysets, config)
        self._served = SignInRoutes(entering, sessions, principals, desk.ids)
        principals.add(self._bearer)
        principals.add(self._served.principal)

    async def keep_password(self, password: str) -> str:
        """What is kept of a password. Raises Overloaded."""
        return await self._passwords.keep(password)

    def routes(self) -> Sequence[BaseRoute]:
        """All endpoints."""
        return self._served.routes()

    async def close(self) -> None:
        await self._bearer.close()
        await self._keysets.close()
        await self._outside.close()
        self._passwords.close()

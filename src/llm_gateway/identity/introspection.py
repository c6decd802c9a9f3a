"""Tokens that only their issuer can read (RFC 7662): it is asked once, and its answer remembered for a while.

The only place where identity waits for the network on a request's way. All requests with the same token wait for one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from llm_gateway.config.schema.tokens import Introspection
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, IdentityUnavailable
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.identity.claimed import Admit, Reading, Unfit
from llm_gateway.identity.jose import LONGEST_TOKEN, Refused
from llm_gateway.identity.validity import check_audience, check_times, subject_of

MOST_ASKED = 64
"""Questions at once; for one more token the answer is 503."""


class _Denied(NamedTuple):
    """A token that is good, whose owner may not be served."""

    message: str
    code: str


_Answer = Caller | _Denied | None
"""None: it is not good."""


class Introspect:
    """Asks one endpoint. Belongs to one configuration: what it remembers goes with it."""

    def __init__(self, config: Introspection, http: Http, admit: Admit, clock: Clock) -> None:
        self._url = config.url
        self._timeout = float(config.timeout)
        self._basic = (quote_plus(config.client_id), quote_plus(config.client_secret.reveal()))  # RFC 6749 section 2.3.1
        self._issuer = config.issuer
        self._audiences = frozenset(config.audiences)
        self._lives = (float(config.remember), float(config.remember_bad))
        self._most = config.remembered
        self._reading = Reading("jwt", config.issuer or config.url, config.grants, config.claims)
        self._http = http
        self._admit = admit
        self._clock = clock
        self._known: dict[bytes, tuple[_Answer, float]] = {}  # until when, monotonic
        self._asking: dict[bytes, asyncio.Task[_Answer]] = {}

    def known(self, token: bytes) -> Caller | None:
        """Who it is, if that was answered lately. Raises as `caller_of` does if the answer was that it is nobody."""
        found = self._known.get(sha256(token).digest())
        if found is None or self._clock.monotonic() >= found[1]:
            return None
        return self._caller(found[0])

    async def caller_of(self, token: bytes) -> Caller:
        """Raises Refused, IdentityUnavailable, and as the directory does."""
        if len(token) > LONGEST_TOKEN:
            raise Refused("form")
        digest = sha256(token).digest()
        task = self._asking.get(digest)
        if task is None:
            if len(self._asking) >= MOST_ASKED:
                raise IdentityUnavailable("Too many tokens are being checked at once.", retry_after=1.0)
            task = self._asking[digest] = asyncio.get_running_loop().create_task(self._ask(token, digest))
            task.add_done_callback(lambda done: self._asked(digest, done))
        done, _ = await asyncio.wait([task], timeout=self._timeout)
        if not done:
            raise _unavailable()
        return self._caller(task.result())

    def _caller(self, answer: _Answer) -> Caller:
        if isinstance(answer, _Denied):
            raise Forbidden(answer.message, code=answer.code)
        over = answer is not None and not answer.disabled and answer.expires is not None and answer.expires <= self._clock.now()
        if answer is None or over:
            raise Refused("inactive")
        return answer

    async def close(self) -> None:
        """End the questions that are under way."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self, digest: bytes, task: asyncio.Task[_Answer]) -> None:
        self._asking.pop(digest, None)
        if not task.cancelled():
            task.exception()  # whoever waits has it; if nobody does any more, it is not reported as lost

    async def _ask(self, token: bytes, digest: bytes) -> _Answer:
        fields = {"token": token.decode("latin-1"), "token_type_hint": "access_token"}
        try:
            answer = await self._http.form("the introspection endpoint", self._url, fields, basic=self._basic)
            if answer.status != 200:
                raise _unavailable()
            said: dict[str, Any] = answer.json(dict[str, Any], "the introspection endpoint")
        except Unavailable:
            raise _unavailable() from None
        found = self._found(said)
        self._remember(digest, found, self._lives[not isinstance(found, Caller)])
        return found

    def _found(self, said: Mapping[str, Any]) -> _Answer:
        if said.get("active") is not True:
            return None
        try:
            if self._issuer is not None and said.get("iss") != self._issuer:
                return None
            if self._audiences:
                check_audience(said, self._audiences)
            expires = check_times(said, self._clock.now(), 0.0, required=False)
            subject = subject_of(said, ("sub", "username", "client_id"))
            return self._admit(self._reading(subject, said, expires))
        except (Refused, Unfit):
            return None
        except Forbidden as error:
            return _Denied(error.message, error.code)

    def _remember(self, digest: bytes, answer: _Answer, life: float) -> None:
        known = self._known
        if len(known) >= self._most and digest not in known:
            del known[next(iter(known))]
        known.pop(digest, None)
        known[digest] = (answer, self._clock.monotonic() + life)


def _unavailable() -> IdentityUnavailable:
    return IdentityUnavailable("The token cannot be checked at the moment: its issuer does not answer.", retry_after=5.0)

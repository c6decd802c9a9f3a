"""Tokens of one issuer: which of them are good, and whom they name."""

from __future__ import annotations

from llm_gateway.config.schema.tokens import Issuer
from llm_gateway.core.clock import Clock
from llm_gateway.identity.claimed import Claimed, Reading, Unfit
from llm_gateway.identity.jose import KeySet, Refused, Token, shared
from llm_gateway.identity.keysets import IssuerKeys
from llm_gateway.identity.validity import check_audience, check_times, subject_of


class Trusted:
    """An issuer as configured, with the keys that it has now."""

    def __init__(self, config: Issuer, keys: IssuerKeys | None, clock: Clock) -> None:
        """`keys` None: it shares a secret with us."""
        self._source = keys
        self._clock = clock
        self._secret = None if config.secret is None else shared(config.secret.reveal())
        self._algorithms = config.accepted
        self._types = frozenset(_media(word) for word in config.types)
        self._audiences = frozenset(config.audiences)
        self._leeway = float(config.leeway)
        self._reading = Reading("jwt", config.issuer, config.grants, config.claims)
        self.issuer = config.issuer

    def keys(self) -> KeySet | None:
        """None: there are none."""
        return self._secret or (self._source.current() if self._source is not None else None)

    def has(self, token: Token) -> bool:
        """Whether the key that the token names is known, so that the token can be checked at once."""
        keys = self.keys()
        return keys is not None and (self._source is None or keys.named(token.header.kid))

    def may_ask(self) -> bool:
        """Whether its keys could be fetched again now."""
        return self._source is not None and self._source.may_ask()

    async def ask(self) -> None:
        """Fetch them, or wait a while for the fetch that runs."""
        if self._source is not None:
            await self._source.ask()

    def refuse_form(self, token: Token) -> None:
        """What can be said without a key. Raises Refused."""
        header = token.header
        if header.alg not in self._algorithms:
            raise Refused("algorithm")
        if _media(header.typ) not in self._types:
            raise Refused("type")

    def claimed(self, token: Token) -> Claimed:
        """Whom a good token names. Raises Refused."""
        self.refuse_form(token)
        keys = self.keys()
        if keys is None or not keys.verifies(token):
            raise Refused("signature")
        said = token.claims
        if said.get("iss") != self.issuer:
            raise Refused("issuer")
        check_audience(said, self._audiences)
        subject = subject_of(said)
        expires = check_times(said, self._clock.now(), self._leeway)
        try:
            return self._reading(subject, said, expires)
        except Unfit:
            raise Refused("claims") from None


def _media(word: str) -> str:
    """`typ` without case, and without the prefix that may be left out (RFC 7515 section 4.1.9)."""
    return word.lower().removeprefix("application/")

"""What tests of tokens share: an issuer, its keys fetched, and callers made without a directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fakes.oidc import Provider, providing
from llm_gateway.config.schema import Issuer, Jwt
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.identity.claimed import Claimed
from llm_gateway.identity.jose import Refused
from llm_gateway.identity.keysets import KeySets
from llm_gateway.identity.tokens import Tokens


class Lines(list[tuple[str, str, dict[str, Any]]]):
    """A log that stays in memory."""

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.append((level, event, fields))


def plain(claimed: Claimed) -> Caller:
    """The caller of somebody whom no directory knows."""
    return Caller(
        claimed.name,
        claimed.models,
        key_id=claimed.key_id,
        kind=claimed.kind,
        tenant=claimed.tenant,
        project=claimed.project,
        user=claimed.user,
        roles=claimed.roles,
        expires=claimed.expires,
    )


class World:
    """One issuer, and what the gateway makes of its tokens."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.clock = FakeClock()
        self.log = Lines()
        self.keysets = KeySets(self.clock, lambda: 0.5, self.log)
        self.issuer = Issuer(provider.url, ("gateway",))

    def tokens(self, *issuers: Issuer, **options: Any) -> Tokens:
        config = options.pop("config", None) or Jwt(issuers or (self.issuer,))
        return Tokens(config, self.keysets, options.pop("admit", plain), self.clock, **options)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        said = {"iss": self.provider.url, "sub": "alice", "aud": "gateway", "exp": int(self.clock.now()) + 600, **changes}
        return {name: value for name, value in said.items() if value is not None}

    async def found(self, tokens: Tokens, token: bytes) -> Caller:
        found = tokens.caller_of(token)
        return found if isinstance(found, Caller) else await found


@asynccontextmanager
async def issuing() -> AsyncIterator[World]:
    async with providing() as provider:
        world = World(provider)
        try:
            yield world
        finally:
            await world.keysets.close()


async def why(world: World, tokens: Tokens, token: bytes) -> str:
    """Why a token is refused."""
    with pytest.raises(Refused) as caught:
        await world.found(tokens, token)
    return caught.value.why

"""Tokens at the admin API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from fakes.oidc import Provider, providing
from llm_gateway.config.schema import Auth, Claims, Config, Introspection, Issuer, Jwt
from llm_gateway.config.values import Secret
from llm_gateway.control.signin.bearer import Bearer
from llm_gateway.control.signin.outside import Outside
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Unauthenticated
from llm_gateway.identity.roles import Principal, allowed
from llm_gateway.snapshot import Snapshot, compile_snapshot


class World:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.clock = FakeClock()
        self.outside = Outside({})
        self.snapshot: Snapshot | None = None
        self.bearer = Bearer(lambda: self.snapshot, self.outside, self.clock, lambda *_, **__: None, lambda: 0.5)
        self.use(jwt=Jwt((Issuer(provider.url, ("gateway",), claims=Claims(roles="roles")),)))

    def use(self, **auth: Any) -> None:
        self.snapshot = compile_snapshot(Config(auth=Auth(**auth)), pepper=bytes(32), environ={}, managed={})

    async def who(self, token: bytes, header: bytes = b"authorization") -> Principal | None:
        value = b"Bearer " + token if header == b"authorization" else token
        return await self.bearer(Request({"type": "http", "method": "GET", "path": "/", "headers": [(header, value)]}))

    def token(self, **claims: Any) -> bytes:
        return self.provider.token({"aud": "gateway", "exp": self.clock.now() + 600, "roles": ["operator"], **claims})


def inside(test: Any) -> None:
    async def main() -> None:
        async with providing() as provider:
            world = World(provider)
            try:
                await test(world)
            finally:
                await world.bearer.close()
                await world.outside.close()

    asyncio.run(main())


def test_a_token_has_the_roles_that_it_names():
    """An operator's token may reset circuit breakers and not change providers; one without roles may do nothing."""

    async def test(world: World) -> None:
        operator = await world.who(world.token())
        assert operator is not None
        assert operator.id.startswith("jwt:")
        assert allowed(operator, "circuits:write")
        assert not allowed(operator, "providers:write")
        nobody = await world.who(world.token(roles=[]))
        assert nobody is not None
        assert not allowed(nobody, "system:read")

    inside(test)


def test_a_wrong_token_is_refused_and_an_old_one_told_so():
    """401 either way, never passed on to who knows keys; issuers that a reload removed are not believed any more."""

    async def test(world: World) -> None:
        good = world.token()
        for wrong, code in ((good[:-4] + b"AAAA", "invalid_api_key"), (world.token(exp=1), "expired_token")):
            with pytest.raises(Unauthenticated) as caught:
                await world.who(wrong)
            assert caught.value.code == code
        assert await world.who(good) is not None
        world.use(jwt=Jwt((Issuer("https://other.example", ("gateway",), secret=Secret("s" * 32)),)))
        with pytest.raises(Unauthenticated):
            await world.who(good)

    inside(test)


def test_what_is_no_token_is_left_to_others():
    """Keys of the gateway, other headers, and everything where no issuer is configured or nothing was built yet."""

    async def test(world: World) -> None:
        assert await world.who(b"sk-admin-0123456789") is None
        assert await world.who(world.token(), b"x-api-key") is None
        world.use()
        assert await world.who(world.token()) is None
        world.snapshot = None
        assert await world.who(world.token()) is None

    inside(test)


def test_opaque_tokens_are_asked_about():
    """RFC 7662: what the issuer says of one counts, roles too."""

    async def test(world: World) -> None:
        url = world.provider.url + "/introspect"
        world.use(introspection=Introspection(url, "c", Secret("s"), claims=Claims(roles="roles")))
        world.provider.answers["opaque"] = {"active": True, "sub": "ann", "roles": "auditor", "exp": int(world.clock.now()) + 60}
        found = await world.who(b"opaque")
        assert found is not None
        assert found.roles == {"auditor"}
        with pytest.raises(Unauthenticated):
            await world.who(b"other")

    inside(test)

"""Issuers' keys: unknown, new, out of reach; and secrets that are shared with them."""

from __future__ import annotations

import asyncio

import pytest

from fakes.oidc import key_of, signed
from identity.token_world import issuing, why
from llm_gateway.config.schema import Issuer
from llm_gateway.config.values import Secret
from llm_gateway.core.errors import IdentityUnavailable
from serving import run


def test_an_unknown_key_is_asked_for_once_and_found():
    """An issuer that signs with a new key is served: one fetch for all who wait, and no second one within half a minute."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            await world.found(tokens, world.provider.token(world.claims()))
            world.provider.asked.clear()
            world.clock.advance(31)
            world.provider.add("two", "ES256")
            many = [world.provider.token(world.claims(jti=str(n)), "two") for n in range(20)]
            callers = await asyncio.gather(*(world.found(tokens, token) for token in many))
            assert {caller.user for caller in callers} == {"alice"}
            assert world.provider.asked.count("/keys") == 1
            world.provider.add("three", "ES256")
            del world.provider.keys["three"]
            key = key_of("EC", "P-256", 0)
            unknown = signed({"alg": "ES256", "kid": "three"}, world.claims(), key)
            assert await why(world, tokens, unknown) == "key"
            assert world.provider.asked.count("/keys") == 1

    run(main)


def test_without_keys_a_token_is_not_called_wrong():
    """An issuer that was never reached: 503, because the token may well be good; and a request does not wait long."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.down = True
            with pytest.raises(IdentityUnavailable):
                await world.found(world.tokens(), world.provider.token(world.claims()))

    run(main)


def test_old_keys_serve_while_the_issuer_is_away():
    """An outage of the issuer takes nobody's access away, until its keys are too old."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            await world.found(tokens, world.provider.token(world.claims()))
            world.provider.down = True
            world.clock.advance(3600)
            await world.keysets.of(world.issuer).ask()
            assert (await world.found(tokens, world.provider.token(world.claims()))).user == "alice"
            world.clock.advance(86_400)
            with pytest.raises(IdentityUnavailable):
                await world.found(tokens, world.provider.token(world.claims()))

    run(main)


def test_a_shared_secret_is_for_hs256_alone():
    """HS256 works where a secret is configured, and a published key does not work there."""

    async def main() -> None:
        async with issuing() as world:
            from joserfc.jwk import OctKey

            issuer = Issuer(world.provider.url, ("gateway",), secret=Secret("s" * 40))
            tokens = world.tokens(issuer)
            good = signed({"alg": "HS256"}, world.claims(), OctKey.import_key("s" * 40))
            bad = signed({"alg": "HS256"}, world.claims(), OctKey.import_key("t" * 40))
            assert (await world.found(tokens, good)).user == "alice"
            assert await why(world, tokens, bad) == "signature"
            assert await why(world, tokens, world.provider.token(world.claims())) == "algorithm"
            assert world.provider.asked == []

    run(main)

"""The public keys of issuers."""

from __future__ import annotations

import asyncio

import pytest

from fakes.oidc import signed
from identity.token_world import issuing
from llm_gateway.config.schema import Issuer
from llm_gateway.config.values import Duration
from serving import run, until


def test_keys_are_fetched_before_anybody_needs_them():
    """A worker that starts fetches in the background, and a token is then checked without waiting."""

    async def main() -> None:
        async with issuing() as world:
            world.keysets.only([world.issuer])
            keys = world.keysets.of(world.issuer)
            await until(lambda: keys.current() is not None)
            assert world.provider.asked == ["/.well-known/openid-configuration", "/keys"]

    run(main)


def test_a_key_set_can_be_named_directly():
    """With jwks_url no discovery document is asked for."""

    async def main() -> None:
        async with issuing() as world:
            issuer = Issuer("https://name.example", ("gateway",), jwks_url=world.provider.url + "/keys")
            await world.keysets.of(issuer).ask()
            assert world.keysets.of(issuer).current() is not None
            assert world.provider.asked == ["/keys"]

    run(main)


def test_the_discovery_document_must_be_the_issuers_own():
    """One that names another issuer is not believed (OpenID Connect Discovery section 4.3)."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.issuer = "https://evil.example"
            keys = world.keysets.of(world.issuer)
            await keys.ask()
            assert keys.current() is None
            assert world.log[0][1] == "issuer_keys_failed"
            assert "another issuer" in world.log[0][2]["why"]

    run(main)


@pytest.mark.parametrize(
    ("said", "due"),
    [
        (b"", 3600),
        (b"Cache-Control: max-age=600\r\n", 600),
        (b"Cache-Control: max-age=1\r\n", 60),
        (b"Cache-Control: public, max-age=99999999\r\n", 3600),
    ],
)
def test_the_issuer_says_how_long_its_keys_are_good_within_bounds(said, due):
    """Cache-Control shortens the time until the next fetch, not below a minute; the configuration is the longest."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.cache_control = said
            keys = world.keysets.of(world.issuer)
            _, fresh = await keys._asked_for()
            assert fresh == due

    run(main)


def test_a_reload_keeps_what_it_does_not_change():
    """A new claim mapping fetches nothing; an issuer that is gone is asked no more."""

    async def main() -> None:
        async with issuing() as world:
            world.keysets.only([world.issuer])
            keys = world.keysets.of(world.issuer)
            await until(lambda: keys.current() is not None)
            other = Issuer(world.provider.url, ("other", "audience"), leeway=Duration(5))
            world.keysets.only([other])
            assert world.keysets.of(other) is keys
            world.keysets.only([])
            assert world.keysets.of(world.issuer) is not keys

    run(main)


def test_one_fetch_serves_all_who_wait_and_outlives_them():
    """Who waits is given back his time when it is over; the fetch goes on, and its keys are there for the next."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.hold = asyncio.Event()
            keys = world.keysets.of(world.issuer)
            await asyncio.gather(*(keys.ask(0.05) for _ in range(10)))
            assert keys.current() is None
            assert len(world.provider.asked) == 1
            assert keys.may_ask()
            world.provider.hold.set()
            await keys.ask()
            assert keys.current() is not None

    run(main)


def test_an_issuer_that_is_away_is_asked_less_and_less():
    """Failures are told once, and each of them delays the next question."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.down = True
            keys = world.keysets.of(world.issuer)
            for _ in range(4):
                await keys.ask()
                assert not keys.may_ask()
                await keys.ask()
                world.clock.advance(61)
            assert len(world.provider.asked) == 4
            assert [line[1] for line in world.log] == ["issuer_keys_failed"]
            world.provider.down = False
            await keys.ask()
            assert [line[1] for line in world.log] == ["issuer_keys_failed", "issuer_keys_recovered"]

    run(main)


def test_a_set_without_any_usable_key_leaves_the_old_ones():
    """An issuer that publishes nothing for a moment takes nobody's access away."""

    async def main() -> None:
        async with issuing() as world:
            keys = world.keysets.of(world.issuer)
            await keys.ask()
            before = keys.current()
            world.provider.keys, gone = {}, world.provider.keys
            world.clock.advance(31)
            await keys.ask()
            assert keys.current() is before is not None
            world.provider.keys = gone

    run(main)


def test_a_removed_key_is_gone_with_the_next_fetch():
    """What an issuer withdraws is not accepted any more."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            world.provider.add("two", "ES256")
            await world.found(tokens, world.provider.token(world.claims(), "two"))
            _, key = world.provider.keys.pop("two")
            world.clock.advance(31)
            await world.keysets.of(world.issuer).ask()
            keys = world.keysets.of(world.issuer).current()
            assert keys is not None
            assert not keys.named("two")
            assert signed({"alg": "ES256", "kid": "two"}, {}, key)

    run(main)

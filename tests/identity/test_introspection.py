"""Tokens that only their issuer can read."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

import pytest

from identity.token_world import World, issuing, plain
from llm_gateway.config.schema import Introspection
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden, IdentityUnavailable
from llm_gateway.identity.claimed import Claimed
from llm_gateway.identity.introspection import MOST_ASKED, Introspect
from llm_gateway.identity.jose import LONGEST_TOKEN, Refused
from serving import run, until

TOKEN = b"opaque-token-0123456789"
GOOD: dict[str, Any] = {"active": True, "sub": "bob", "scope": "chat:create"}


def asking(world: World, admit: Any = plain, **options: Any) -> Introspect:
    settings = Introspection(world.provider.url + "/introspect", "us:er", Secret("pa ss"), **options)
    return Introspect(settings, world.keysets.http, admit, world.clock)


async def refused(introspect: Introspect, token: bytes = TOKEN) -> None:
    with pytest.raises(Refused):
        introspect.known(token) or await introspect.caller_of(token)


def test_an_active_token_is_somebody_and_is_remembered():
    """One question for many requests, under the client's own credentials, form-encoded first (RFC 6749 section 2.3.1)."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.answers[TOKEN.decode()] = GOOD
            introspect = asking(world)
            found = await asyncio.gather(*(introspect.caller_of(TOKEN) for _ in range(20)))
            assert {caller.user for caller in found} == {"bob"}
            assert introspect.known(TOKEN) is found[0]
            assert world.provider.bodies == [{"token": [TOKEN.decode()], "token_type_hint": ["access_token"]}]
            assert b64decode(world.provider.authorizations[0].removeprefix(b"Basic ")) == b"us%3Aer:pa+ss"

    run(main)


def test_answers_are_asked_for_again_when_they_are_old():
    """A token that was withdrawn is refused after a minute at most; one that is not active, asked about again after ten seconds."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.answers[TOKEN.decode()] = GOOD
            introspect = asking(world)
            await introspect.caller_of(TOKEN)
            del world.provider.answers[TOKEN.decode()]
            world.clock.advance(59)
            assert introspect.known(TOKEN) is not None
            world.clock.advance(2)
            assert introspect.known(TOKEN) is None
            await refused(introspect)
            await refused(introspect)
            assert len(world.provider.bodies) == 2
            world.clock.advance(11)
            await refused(introspect)
            assert len(world.provider.bodies) == 3

    run(main)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"active": "true", "sub": "bob"},
        {"active": 1, "sub": "bob"},
        {"active": True},
        {"active": True, "sub": "bob", "exp": 1_699_999_999},
        {"active": True, "sub": "bob", "nbf": 1_700_000_999},
        {"active": True, "sub": 5},
        {"active": True, "sub": "bob", "iss": "https://other.example"},
        {"active": True, "sub": "bob", "iss": "i", "aud": "other"},
    ],
)
def test_what_is_not_clearly_active_is_refused(answer):
    """Only `true` is true; times, issuer and audience count where they are said or asked for."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.answers[TOKEN.decode()] = answer
            await refused(
                asking(world, issuer="i" if "iss" in answer else None, audiences=("gateway",) if "aud" in answer else ())
            )

    run(main)


def test_a_token_is_not_remembered_beyond_its_end():
    """`exp` ends it before the minute is over."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.answers[TOKEN.decode()] = {**GOOD, "exp": 1_700_000_020}
            introspect = asking(world)
            await introspect.caller_of(TOKEN)
            world.clock.advance(21)
            await refused(introspect)

    run(main)


def test_an_endpoint_that_fails_makes_no_token_wrong():
    """503, for all who wait, and nothing is remembered."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.down = True
            introspect = asking(world)
            for one in await asyncio.gather(*(introspect.caller_of(TOKEN) for _ in range(3)), return_exceptions=True):
                assert isinstance(one, IdentityUnavailable)
            world.provider.down = False
            world.provider.answers[TOKEN.decode()] = GOOD
            assert (await introspect.caller_of(TOKEN)).user == "bob"

    run(main)


def test_waiting_and_asking_are_bounded():
    """A slow endpoint holds a request for as long as configured, and so many questions at once."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.hold = asyncio.Event()
            introspect = asking(world, timeout=Duration(0.1))
            many = [asyncio.ensure_future(introspect.caller_of(b"token-%d" % n)) for n in range(MOST_ASKED)]
            await until(lambda: len(introspect._asking) == MOST_ASKED)
            with pytest.raises(IdentityUnavailable, match="Too many"):
                await introspect.caller_of(b"one more")
            results = await asyncio.gather(*many, return_exceptions=True)
            assert all(isinstance(one, IdentityUnavailable) for one in results)
            await introspect.close()
            with pytest.raises(Refused):
                await introspect.caller_of(b"x" * (LONGEST_TOKEN + 1))

    run(main)


def test_whom_the_directory_refuses_is_told_why_each_time():
    """A good token of a tenant that there is not: 403, remembered like other refusals."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.answers[TOKEN.decode()] = GOOD

            def admit(_claimed: Claimed) -> Caller:
                raise Forbidden("not here", code="unknown_tenant")

            introspect = asking(world, admit)
            with pytest.raises(Forbidden, match="not here"):
                await introspect.caller_of(TOKEN)
            with pytest.raises(Forbidden, match="not here"):
                introspect.known(TOKEN)
            assert len(world.provider.bodies) == 1

    run(main)


def test_what_is_remembered_is_bounded():
    """The oldest answer goes first."""

    async def main() -> None:
        async with issuing() as world:
            introspect = asking(world, remembered=2)
            for n in range(4):
                world.provider.answers[f"t{n}"] = GOOD
                await introspect.caller_of(b"t%d" % n)
            assert [introspect.known(b"t%d" % n) is not None for n in range(4)] == [False, False, True, True]

    run(main)

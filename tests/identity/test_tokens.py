"""Tokens to callers."""

from __future__ import annotations

import pytest

from fakes.oidc import segment, signed
from identity.token_world import issuing, why
from llm_gateway.config.schema import Issuer, Jwt
from llm_gateway.identity.validity import Expired
from serving import run


def test_a_good_token_is_somebody_and_is_remembered():
    """The first token waits for the issuer's keys; the same one again is known without looking at it."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            token = world.provider.token(world.claims())
            assert tokens.known(token) is None
            caller = await world.found(tokens, token)
            assert (caller.kind, caller.user, caller.key_name) == ("jwt", "alice", "jwt:alice")
            assert len(caller.key_id) == len("jwt:") + 32
            assert tokens.known(token) is caller
            assert tokens.caller_of(token) is caller
            assert world.provider.asked == ["/.well-known/openid-configuration", "/keys"]

    run(main)


def test_the_same_subject_has_the_same_id_and_another_issuer_has_another():
    """Counters and things kept belong to issuer and subject, whatever token says so."""

    async def main() -> None:
        async with issuing() as world, issuing() as other:
            two = Issuer(other.provider.url, ("gateway",))
            tokens = world.tokens(world.issuer, two)
            first = await world.found(tokens, world.provider.token(world.claims(jti="a")))
            second = await world.found(tokens, world.provider.token(world.claims(jti="b")))
            third = await world.found(tokens, other.provider.token(world.claims(iss=other.provider.url)))
            assert first.key_id == second.key_id != third.key_id

    run(main)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "others"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ["a", 1, None]}, "audience"),
        ({"aud": {"gateway": 1}}, "audience"),
        ({"exp": None}, "no_expiry"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": -5}, "exp"),
        ({"exp": 1_699_999_000}, "expired"),
        ({"nbf": 1_700_000_100}, "not_yet"),
        ({"iat": 1_700_000_100}, "not_yet"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "x" * 300}, "subject"),
        ({"jti": 7}, "jti"),
        ({"jti": "gone"}, "revoked"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": ["a"]}, "issuer"),
    ],
)
def test_a_token_that_says_something_wrong_is_refused(changes, reason):
    """Times, audience, issuer, subject and id are all checked, of a token whose signature is right."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens(config=Jwt((world.issuer,), revoked=("gone",)))
            said = world.claims(**changes)
            token = signed({"alg": "RS256", "kid": "one"}, said, world.provider.keys["one"][1])
            assert await why(world, tokens, token) == reason

    run(main)


@pytest.mark.parametrize(
    "changes", [{"aud": ["x", "gateway"]}, {"nbf": 1_700_000_020}, {"exp": 1_699_999_980.5}, {"iat": 1_699_000_000}]
)
def test_clocks_may_differ_and_audiences_be_many(changes):
    """30 seconds of difference are forgiven."""

    async def main() -> None:
        async with issuing() as world:
            assert (await world.found(world.tokens(), world.provider.token(world.claims(**changes)))).user == "alice"

    run(main)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"typ": "logout+jwt"}, "type"),
        ({"typ": "dpop+jwt"}, "type"),
        ({"typ": "secevent+jwt"}, "type"),
        ({"alg": "none"}, "algorithm"),
        ({"alg": "HS256"}, "algorithm"),
        ({"alg": "RS512"}, "algorithm"),
        ({"alg": "rs256"}, "algorithm"),
        ({"crit": ["b64"], "b64": False}, "crit"),
        ({"kid": "unknown"}, "key"),
    ],
)
def test_a_header_decides_nothing_but_can_refuse(header, reason):
    """A token for another purpose, or signed in a way that was not agreed on."""

    async def main() -> None:
        async with issuing() as world:
            await world.keysets.of(world.issuer).ask()
            token = signed({"alg": "RS256", "kid": "one", **header}, world.claims(), world.provider.keys["one"][1], "RS256")
            assert await why(world, world.tokens(), token) == reason

    run(main)


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "JWT", "jwt"])
def test_types_of_access_tokens_are_accepted(typ):
    """RFC 9068's type with and without its prefix, in any case."""

    async def main() -> None:
        async with issuing() as world:
            assert (await world.found(world.tokens(), world.provider.token(world.claims(), typ=typ))).kind == "jwt"

    run(main)


def test_a_wrong_signature_is_never_remembered():
    """A good token's claims with another signature are looked at each time, and refused each time."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            token = world.provider.token(world.claims())
            await world.found(tokens, token)
            forged = token.rpartition(b".")[0] + b"." + segment(b"x" * 256)
            assert await why(world, tokens, forged) == "signature"
            assert await why(world, tokens, forged) == "signature"

    run(main)


def test_a_remembered_token_expires():
    """What is remembered is over when the token is; then it is refused as one that was good."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens()
            token = world.provider.token(world.claims())
            await world.found(tokens, token)
            world.clock.advance(631)
            with pytest.raises(Expired):
                await world.found(tokens, token)

    run(main)


def test_a_token_can_be_revoked_while_it_is_remembered():
    """A `jti` that is added to the list is refused at once."""

    async def main() -> None:
        async with issuing() as world:
            revoked: set[str] = set()
            tokens = world.tokens(revoked=revoked)
            token = world.provider.token(world.claims(jti="abc"))
            await world.found(tokens, token)
            revoked.add("abc")
            assert await why(world, tokens, token) == "revoked"

    run(main)


def test_what_is_remembered_is_bounded():
    """The oldest goes first."""

    async def main() -> None:
        async with issuing() as world:
            tokens = world.tokens(config=Jwt((world.issuer,), remembered=3))
            sent = [world.provider.token(world.claims(jti=str(n))) for n in range(5)]
            for token in sent:
                await world.found(tokens, token)
            assert [tokens.known(token) is not None for token in sent] == [False, False, True, True, True]

    run(main)


def test_what_is_no_token_and_nobody_can_be_asked_about():
    """Opaque tokens without introspection, and tokens of others."""

    async def main() -> None:
        async with issuing() as world:
            assert await why(world, world.tokens(), b"opaque-token-0123456789") == "issuer"

    run(main)

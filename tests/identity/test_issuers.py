"""Tokens of one issuer."""

from __future__ import annotations

import pytest

from fakes.oidc import KINDS
from identity.token_world import issuing
from llm_gateway.config.schema import Issuer
from llm_gateway.identity.issuers import Trusted
from llm_gateway.identity.jose import Refused, taken_apart
from serving import run


@pytest.mark.parametrize("algorithm", KINDS)
def test_the_usual_algorithms_work(algorithm):
    """RS256, PS256, ES256 and EdDSA without saying anything."""

    async def main() -> None:
        async with issuing() as world:
            world.provider.add("k", algorithm)
            keys = world.keysets.of(world.issuer)
            await keys.ask()
            trusted = Trusted(world.issuer, keys, world.clock)
            assert trusted.claimed(taken_apart(world.provider.token(world.claims(), "k"))).user == "alice"

    run(main)


def test_only_what_is_listed_is_accepted():
    """A shorter list refuses the others, before any key is looked at."""

    async def main() -> None:
        async with issuing() as world:
            issuer = Issuer(world.provider.url, ("gateway",), algorithms=("ES256",), types=("at+jwt",))
            trusted = Trusted(issuer, world.keysets.of(issuer), world.clock)
            with pytest.raises(Refused, match="algorithm"):
                trusted.refuse_form(taken_apart(world.provider.token(world.claims(), typ="at+jwt")))
            world.provider.add("k", "ES256")
            with pytest.raises(Refused, match="type"):
                trusted.refuse_form(taken_apart(world.provider.token(world.claims(), "k")))

    run(main)

"""What a token says of its bearer: where each thing is read, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from identity.token_world import issuing, why
from llm_gateway.config.schema import Claims, Grants, Issuer
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.claimed import Claimed
from serving import run


def test_claims_say_who_it_is():
    """Tenant, project, roles, tier, models and user from where the configuration says; and what holds where nothing is said."""

    async def main() -> None:
        async with issuing() as world:
            seen: list[Claimed] = []
            claims = Claims(
                user="email",
                tenant="https://acme.example/tenant",
                project="app.project",
                roles="realm.roles",
                scopes="scope",
                tier="tier",
                models="models",
            )
            grants = Grants("fallback", "web", roles=("developer",), tier="free", models=("m",))
            issuer = Issuer(world.provider.url, ("gateway",), claims=claims, grants=grants)

            def admit(claimed: Claimed) -> Caller:
                seen.append(claimed)
                return Caller(claimed.name)

            tokens = world.tokens(issuer, admit=admit)
            said: dict[str, Any] = {
                "email": "a@b",
                "https://acme.example/tenant": "acme",
                "app": {"project": "p"},
                "realm": {"roles": ["analyst"]},
                "scope": "chat:create openid",
                "tier": "gold",
                "models": ["a", "b/*"],
            }
            await world.found(tokens, world.provider.token(world.claims(**said)))
            await world.found(tokens, world.provider.token(world.claims()))
            await world.found(tokens, world.provider.token(world.claims(**{"https://acme.example/tenant": "other"})))
            full, bare, other = seen
            assert (full.user, full.tenant, full.project, full.roles) == ("a@b", "acme", "p", {"analyst"})
            assert (full.scopes, full.tier, full.models) == (("chat:create", "openid"), "gold", ("a", "b/*"))
            assert (bare.user, bare.tenant, bare.project, bare.roles) == ("", "fallback", "web", {"developer"})
            assert (bare.scopes, bare.tier, bare.models) == (None, "free", ("m",))
            assert (other.tenant, other.project) == ("other", "")

    run(main)


@pytest.mark.parametrize(
    "said",
    [
        {"tenant": {"a": 1}},
        {"tenant": ""},
        {"tenant": "x" * 300},
        {"tenant": "a\nb"},
        {"roles": [1]},
        {"roles": 5},
        {"roles": ["a"] * 100},
    ],
)
def test_a_claim_of_another_kind_is_refused(said):
    """What should be a tenant's name and is none gives nobody the default tenant."""

    async def main() -> None:
        async with issuing() as world:
            issuer = Issuer(world.provider.url, ("gateway",), claims=Claims(tenant="tenant", roles="roles"))
            assert await why(world, world.tokens(issuer), world.provider.token(world.claims(**said))) == "claims"

    run(main)


def test_whom_the_directory_refuses_is_not_remembered():
    """The directory's word is asked for again with the next request."""

    async def main() -> None:
        async with issuing() as world:

            def admit(_claimed: Claimed) -> Caller:
                raise Forbidden("no")

            tokens = world.tokens(admit=admit)
            token = world.provider.token(world.claims())
            for _ in range(2):
                with pytest.raises(Forbidden):
                    await world.found(tokens, token)
            assert tokens.known(token) is None

    run(main)

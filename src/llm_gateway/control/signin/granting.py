"""What an identity provider's word gives somebody here: roles and a tenant, by the configuration, and nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from llm_gateway.config.schema.signin import Oidc
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.claimed import LONGEST_TEXT, value_at
from llm_gateway.identity.roles import SYSTEM_ADMIN, Principal

_MOST_WORDS = 1000  # groups: large organisations have many


def granted(config: Oidc, said: Mapping[str, Any]) -> Principal:
    """Who is signed in. `said`: the claims of an ID token that was checked. Raises Forbidden."""
    words = _words(value_at(said, config.claims.roles))
    roles = frozenset(role for word in words for role in config.roles.get(word, ()))
    roles = roles or frozenset(config.default_roles)
    tenant = _tenant(config, said)
    if tenant:
        roles -= {SYSTEM_ADMIN}  # who belongs to a tenant is no administrator of the whole
    if not roles:
        raise Forbidden("You are known, and have no role here. Ask who runs the gateway for one.", code="no_role")
    subject = str(said["sub"])
    name = value_at(said, config.claims.name)
    shown = name if isinstance(name, str) and 0 < len(name) <= LONGEST_TEXT and name.isprintable() else subject
    return Principal(person_id(config.issuer, subject), f"{config.name}:{shown}", roles, tenant)


def person_id(issuer: str, subject: str) -> str:
    """The same every time, and no other's: an e-mail address can come to belong to somebody else."""
    return "oidc:" + sha256(f"{len(issuer)}:{issuer}{subject}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _tenant(config: Oidc, said: Mapping[str, Any]) -> str:
    if config.claims.tenant is None:
        return config.tenant
    tenant = value_at(said, config.claims.tenant)
    if not isinstance(tenant, str) or not 0 < len(tenant) <= 128 or not tenant.isprintable():
        raise Forbidden("You are known, and belong to no tenant. Ask who runs the gateway.", code="no_tenant")
    return tenant


def _words(value: Any) -> list[str]:
    words = value.split() if isinstance(value, str) else value
    return [word for word in words[:_MOST_WORDS] if isinstance(word, str)] if isinstance(words, list) else []

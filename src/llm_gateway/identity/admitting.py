"""What the directory makes of who was recognised by a token or a certificate."""

from __future__ import annotations

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.claimed import Claimed
from llm_gateway.identity.directory import Directory, UnknownTenant
from llm_gateway.identity.rows import Grant
from llm_gateway.identity.table import Unusable


class Admitting:
    """Claimed -> Caller: never more than its tenant and project may."""

    def __init__(self, directory: Directory, *, unknown_tenants: bool = False) -> None:
        """`unknown_tenants`: a tenant that there is not is a label, and no reason to refuse."""
        self._directory = directory
        self._unknown = unknown_tenants

    def __call__(self, claimed: Claimed) -> Caller:
        """Raises Forbidden. What it says is for the owner of a token that is good: who he is, is known."""
        grant = Grant(
            kind=claimed.kind,
            scopes=claimed.scopes,
            roles=tuple(sorted(claimed.roles)),
            models=claimed.models,
            tier=claimed.tier,
        )
        try:
            rights = self._directory.rights(grant, claimed.tenant, claimed.project, unknown=self._unknown)
        except UnknownTenant:
            raise Forbidden("The tenant or project that the token names is not known here.", code="unknown_tenant") from None
        except Unusable:
            raise Forbidden("The token names limits that are not known here.", code="unknown_tier") from None
        return rights.caller(claimed.name, claimed.key_id, None, claimed.expires, users=self._directory.users, user=claimed.user)

"""All resources of identity, as one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.route import Route
from llm_gateway.control.objects.audit_entries import AuditEntries
from llm_gateway.control.objects.budgets import BudgetsShown
from llm_gateway.control.objects.end_users import EndUsers
from llm_gateway.control.objects.keys import Keys
from llm_gateway.control.objects.people import People
from llm_gateway.control.objects.projects import Projects
from llm_gateway.control.objects.provider_keys import ProviderKeys
from llm_gateway.control.objects.roster import Roster
from llm_gateway.control.objects.scopes import Scopes
from llm_gateway.control.objects.tenants import Tenants
from llm_gateway.control.objects.uses import Uses
from llm_gateway.identity.keys import Pepper


def identity_routes(
    desk: Desk,
    roster: Roster,
    uses: Uses,
    pepper: Pepper,
    revoked: Callable[[list[str]], None],
    keep_password: Callable[[str], Awaitable[str]],
) -> tuple[Route, ...]:
    """`pepper`: under which keys are kept; `revoked` tells workers which ones are refused from now on; `keep_password` makes of a
    password what is kept of it.
    """
    scopes, ulid = Scopes(roster), desk.ids.ulid
    return (
        *Tenants(scopes).routes(),
        *Projects(scopes).routes(),
        *Keys(scopes, pepper, ulid, uses, revoked).routes(),
        *EndUsers(scopes).routes(),
        *People(scopes, keep_password, ulid).routes(),
        *ProviderKeys(scopes, desk.ring, ulid).routes(),
        *AuditEntries().routes(),
        *BudgetsShown(roster).routes(),
    )

"""What a key may do when all is taken together: itself, its project, its tenant. A child never has more than its parent.

Names that must be allowed (models, providers, regions) must be allowed by all three; tags add up; limits and budgets stay apart,
because each counts all that is below it; whoever is disabled takes all below with him.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from llm_gateway.config.schema.limits import Allowance, Budget
from llm_gateway.config.schema.tenants import Project, Scope, Tenant
from llm_gateway.core.caller import Caller, Names, Spending, Users
from llm_gateway.core.scopes import ADMIN, granted
from llm_gateway.identity.rows import UNLIMITED, Grant
from llm_gateway.identity.table import Unusable

Tiers = Mapping[str, Allowance]
_EVERYTHING = Names(("*",))


class Level(msgspec.Struct, frozen=True, eq=False):
    """A tenant or a project, ready to be laid over keys."""

    what: str
    """tenant or project."""
    name: str
    disabled: bool = False
    models: Names = _EVERYTHING
    providers: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    default_model: str | None = None
    spending: tuple[Spending, ...] = ()
    users: tuple[Spending, ...] = ()
    accounts: dict[str, str] | None = None


class Rights(msgspec.Struct, frozen=True, eq=False):
    """What all keys with the same grant in the same project have in common."""

    grant: Grant
    tenant: str
    project: str
    models: tuple[Names, ...]
    providers: frozenset[str] | None
    regions: frozenset[str] | None
    tags: frozenset[str]
    passthrough: frozenset[str]
    scopes: frozenset[str]
    roles: frozenset[str]
    default_model: str | None
    disabled: str
    limits: Allowance
    """The key's own, its tier's among them."""
    spending: tuple[Spending, ...]
    """Of the project and the tenant."""
    users: tuple[Spending, ...]
    accounts: Mapping[str, str] | None

    def caller(
        self,
        name: str,
        key_id: str,
        owner: str | None = None,
        expires: float | None = None,
        users: Users | None = None,
        user: str = "",
    ) -> Caller:
        """One of those keys. `user`: the end user that a token names."""
        grant = self.grant
        owner = owner or key_id
        own = spending("key", owner, self.limits, grant.budgets)
        each = spending("user", owner, grant.users, grant.user_budgets)
        return Caller(
            name,
            self.models,
            key_id=key_id,
            owner=owner,
            kind=grant.kind,
            scopes=self.scopes,
            roles=self.roles,
            expires=0.0 if self.disabled else expires,
            disabled=self.disabled,
            require_signature=grant.require_signature,
            metadata_in_body=grant.metadata_in_body,
            strict=None if grant.on_loss is None else grant.on_loss == "refuse",
            passthrough=self.passthrough,
            tenant=self.tenant,
            project=self.project,
            user=user,
            tags=self.tags,
            regions=self.regions,
            providers=self.providers,
            hints=grant.routing_hints,
            default_model=self.default_model,
            spending=own + self.spending,
            user_limits=each + self.users,
            users=users,
            accounts=self.accounts,
        )


def level_of_tenant(name: str, tenant: Tenant, tiers: Tiers) -> Level:
    """Raises Unusable for a tier that there is not."""
    accounts = {provider: key.reveal() for provider, key in tenant.provider_keys.items()}
    return _level("tenant", name, tenant, tiers, accounts or None)


def level_of_project(tenant: str, name: str, project: Project, tiers: Tiers) -> Level:
    """Raises Unusable for a tier that there is not."""
    return _level("project", f"{tenant}/{name}", project, tiers, None)


def _level(what: str, name: str, scope: Scope, tiers: Tiers, accounts: dict[str, str] | None) -> Level:
    return Level(
        what,
        name,
        scope.disabled,
        _EVERYTHING if scope.models is None else Names(scope.models),
        None if scope.providers is None else frozenset(scope.providers),
        None if scope.regions is None else frozenset(scope.regions),
        frozenset(scope.tags),
        scope.default_model,
        spending(what, name, tiered(scope.limits, scope.tier, tiers, f"{what} {name}"), scope.budgets),
        spending("user", name, scope.users, scope.user_budgets),
        accounts,
    )


def rights_of(grant: Grant, tenant: Level | None, project: Level | None, tiers: Tiers, labels: tuple[str, str]) -> Rights:
    """`labels`: the names of tenant and project, which may be no more than that. Raises Unusable for a tier that there is not."""
    levels = [level for level in (project, tenant) if level is not None]
    models = [Names(grant.models), *(level.models for level in levels)]
    narrow = tuple(names for names in models if not names.everything)
    default_model = grant.default_model
    for level in levels:
        default_model = default_model or level.default_model
    return Rights(
        grant=grant,
        tenant=labels[0],
        project=labels[1],
        models=narrow or (_EVERYTHING,),
        providers=_common(grant.providers, levels, "providers"),
        regions=_common(grant.regions, levels, "regions"),
        tags=frozenset(grant.tags).union(*(level.tags for level in levels)),
        passthrough=frozenset(grant.passthrough),
        scopes=_scopes(grant),
        roles=frozenset(grant.roles),
        default_model=default_model,
        disabled=next((f"{level.what} {level.name}" for level in reversed(levels) if level.disabled), ""),
        limits=tiered(grant.limits, grant.tier, tiers, "a key"),
        spending=tuple(entry for level in levels for entry in level.spending),
        users=tuple(entry for level in levels for entry in level.users),
        accounts=None if tenant is None else tenant.accounts,
    )


def _scopes(grant: Grant) -> frozenset[str]:
    """Who has roles for the admin API can use it, unless its scopes are said."""
    scopes = granted(grant.kind, grant.scopes)
    return scopes | ADMIN if grant.roles and grant.scopes is None else scopes


def _common(own: Iterable[str] | None, levels: list[Level], field: str) -> frozenset[str] | None:
    common = None if own is None else frozenset(own)
    for level in levels:
        said: frozenset[str] | None = getattr(level, field)
        if said is not None:
            common = said if common is None else common & said
    return common


def tiered(own: Allowance, tier: str | None, tiers: Tiers, who: str) -> Allowance:
    """`own`, and its tier's where it says nothing by itself. Raises Unusable for a tier that there is not."""
    if tier is None:
        return own
    if tier not in tiers:
        raise Unusable(f"{who} has a tier that limits.tiers does not know: {tier}")
    base = tiers[tier]
    if own == UNLIMITED:
        return base
    said = {name: value for name in Allowance.__struct_fields__ if (value := getattr(own, name)) is not None}
    return msgspec.structs.replace(base, **said)


def spending(scope: str, name: str, limits: Allowance, budgets: tuple[Budget, ...]) -> tuple[Spending, ...]:
    """None where nothing is limited: who has no entry costs nothing."""
    return (Spending(scope, name, limits, budgets),) if budgets or limits != UNLIMITED else ()

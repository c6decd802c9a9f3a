"""What is wrong with what tokens and certificates are granted, once it is read beside everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llm_gateway.config.errors import Path, Problems, did_you_mean, one_of, shown
from llm_gateway.config.schema import Grants, Sections
from llm_gateway.config.schema.tenants import DEFAULT
from llm_gateway.config.tenancy import Checks
from llm_gateway.config.tree import Node, locate


class Granted(NamedTuple):
    """Where grants stand."""

    path: Path
    grants: Grants
    names_tier: bool
    """Whether tokens can name a tier themselves."""


def granted(sections: Sections) -> Iterator[Granted]:
    """All grants of a configuration. Fields that could not be read are passed over."""
    auth = sections.auth
    for index, issuer in enumerate((auth.jwt and auth.jwt.issuers) or ()):
        if issuer is not None and issuer.grants is not None:
            path: Path = ("auth", "jwt", "issuers", index, "grants")
            yield Granted(path, issuer.grants, bool(issuer.claims and issuer.claims.tier))
    asked = auth.introspection
    if asked is not None and asked.grants is not None:
        yield Granted(("auth", "introspection", "grants"), asked.grants, bool(asked.claims and asked.claims.tier))
    for index, rule in enumerate((auth.mtls and auth.mtls.rules) or ()):
        if rule is not None and rule.grants is not None:
            yield Granted(("auth", "mtls", "rules", index, "grants"), rule.grants, names_tier=False)


def check_granted(sections: Sections, root: Node, problems: Problems, checks: Checks) -> None:
    """Note tenants, projects, tiers and models that there are not."""

    def unknown(path: Path, what: str, name: str, known: Iterable[str]) -> None:
        node, written = locate(root, path)
        quoted = "of this name" if node.origin else f'"{shown(name)}"'
        problems.add(node.where, written, f"there is no {what} {quoted}", did_you_mean(name, known) or one_of(known))

    tenants, tiers = sections.tenants or {}, sections.limits.tier_names
    labels = not tenants or sections.auth.jwt is None or sections.auth.jwt.unknown_tenants == "allow"
    for path, grants, _ in granted(sections):
        for at, model in enumerate(grants.models or ()):
            if model:
                checks.allowed((*path, "models", at), model)
        if grants.tier and grants.tier not in tiers:
            unknown((*path, "tier"), "tier", grants.tier, tiers)
        name = grants.tenant or DEFAULT
        if labels or grants.tenant is None:
            continue
        tenant = tenants.get(name)
        if name not in tenants and name != DEFAULT:
            unknown((*path, "tenant"), "tenant", name, tenants)
        elif grants.project and (tenant is not None or name not in tenants):
            projects = {} if tenant is None else tenant.projects or {}
            if grants.project not in projects:
                unknown((*path, "project"), f"project of the tenant {shown(name)}", grants.project, projects)

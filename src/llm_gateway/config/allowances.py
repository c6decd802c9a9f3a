"""What is wrong with limits once they are read beside everything else: who counts them, and names that do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from llm_gateway.config.errors import Path, Problems
from llm_gateway.config.recognised import granted
from llm_gateway.config.schema import Allowance, Sections
from llm_gateway.config.schema.auth import ApiKey
from llm_gateway.config.schema.tenants import Scope, Tenant
from llm_gateway.config.tree import Node, locate


def check_allowances(sections: Sections, root: Node, problems: Problems, route: Callable[[Path, str | None], None]) -> None:
    """Note what does not fit. `route` notes a name that is neither alias nor provider/model."""
    limiting = sections.limits
    for name in limiting.models or ():
        route(("limits", "models", name), name)
    if sections.server.workers == 1 or sections.redis is not None:
        return
    where = next(limited(sections), "")
    if where:  # counted apart, every limit would be as many times as large (peers.md 4b)
        several = f"{sections.server.workers} workers" if sections.server.workers else "one worker for each processor"
        node, written = locate(root, ("server", "workers"))
        message = f"means {several}, which have to count together what {where} limits"
        problems.add(node.where, written, message, "set redis.url, or server.workers: 1")


def limited(sections: Sections) -> Iterator[str]:
    """Where something is limited or budgeted. Fields that could not be read are passed over."""
    yield from _gateway(sections)
    for name, tenant in (sections.tenants or {}).items():
        if tenant is not None:
            yield from _tenant(f"tenants.{name}", tenant)
    for index, key in enumerate(sections.auth.keys or ()):
        if key is not None and _owner(key):
            yield f"auth.keys[{index}]"
    for path, grants, names_tier in granted(sections):
        if grants.tier or names_tier:
            yield ".".join(str(step) for step in path[:-1])


def _gateway(sections: Sections) -> Iterator[str]:
    limits = sections.limits
    spending = {"everyone": limits.everyone, **{f"tags.{name}": one for name, one in (limits.tags or {}).items()}}
    for name, one in spending.items():
        if one is not None and (_says(one.limits) or one.budgets):
            yield f"limits.{name}"
    for name, allowance in {"sources": limits.sources, "users": limits.users, **_models(limits.models)}.items():
        if _says(allowance):
            yield f"limits.{name}"


def _tenant(path: str, tenant: Tenant) -> Iterator[str]:
    if _owner(tenant):
        yield path
    for part, project in (tenant.projects or {}).items():
        if project is not None and _owner(project):
            yield f"{path}.projects.{part}"
    for user in (tenant.end_users or {}).values():
        if user is not None and (_says(user.limits) or user.budgets):
            yield f"{path}.end_users"


def _models(models: dict[str, Allowance] | None) -> dict[str, Allowance]:
    return {f"models.{name}": allowance for name, allowance in (models or {}).items()}


def _owner(one: Scope | ApiKey) -> bool:
    return bool(one.tier or one.budgets or one.user_budgets or _says(one.limits) or _says(one.users))


def _says(allowance: Allowance | None) -> bool:
    return allowance is not None and any(value is not None for value in msgspec.structs.astuple(allowance))

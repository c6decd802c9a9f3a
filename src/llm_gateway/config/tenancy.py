"""What is wrong with tenants, projects and what belongs to them, once they are read beside everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from llm_gateway.config.errors import Path, Problems, did_you_mean, one_of, shown
from llm_gateway.config.schema import ApiKey, Sections
from llm_gateway.config.schema.base import NAME
from llm_gateway.config.schema.tenants import DEFAULT, Scope, Tenant
from llm_gateway.config.tree import Node, locate

_SPELLED = "a name has letters, digits, dots, dashes and underscores, and 64 at most"


class Checks(NamedTuple):
    """References that others know how to check; each notes what there is not."""

    route: Callable[[Path, str | None], None]
    """An alias, or a provider/model."""
    allowed: Callable[[Path, str], None]
    """The same, or a pattern."""
    provider: Callable[[Path, str | None], None]
    region: Callable[[Path, str], None]


def check_tenants(sections: Sections, root: Node, problems: Problems, checks: Checks) -> None:
    """Note what does not fit."""
    _Tenancy(sections, root, problems, checks).run()


class _Tenancy:
    def __init__(self, sections: Sections, root: Node, problems: Problems, checks: Checks) -> None:
        self._sections = sections
        self._root = root
        self._problems = problems
        self._checks = checks
        self._tenants: Mapping[str, Tenant | None] = sections.tenants or {}

    def run(self) -> None:
        for path, scope in self._scopes():
            self._scope(path, scope)
        for name, tenant in self._tenants.items():
            for provider in (tenant and tenant.provider_keys) or ():
                self._checks.provider(("tenants", name, "provider_keys", provider), provider)
        for index, key in enumerate(self._sections.auth.keys or ()):
            if key is not None:
                self._key(("auth", "keys", index), key)

    def _scopes(self) -> Iterator[tuple[Path, Scope]]:
        """Tenants and projects, their names looked at."""
        for name, tenant in self._tenants.items():
            if not NAME.fullmatch(name):
                self._note(("tenants", name), _SPELLED)
            if tenant is None:
                continue
            yield ("tenants", name), tenant
            for part, project in (tenant.projects or {}).items():
                if not NAME.fullmatch(part):
                    self._note(("tenants", name, "projects", part), _SPELLED)
                if project is not None:
                    yield ("tenants", name, "projects", part), project

    def _scope(self, path: Path, scope: Scope) -> None:
        for at, model in enumerate(scope.models or ()):
            if model:
                self._checks.allowed((*path, "models", at), model)
        for at, provider in enumerate(scope.providers or ()):
            self._checks.provider((*path, "providers", at), provider)
        for at, region in enumerate(scope.regions or ()):
            if region:
                self._checks.region((*path, "regions", at), region)
        self._checks.route((*path, "default_model"), scope.default_model)
        self._tier((*path, "tier"), scope.tier)

    def _key(self, path: Path, key: ApiKey) -> None:
        self._checks.route((*path, "default_model"), key.default_model)
        self._tier((*path, "tier"), key.tier)
        if not self._tenants or key.tenant is None:
            return
        name = key.tenant or DEFAULT
        if name not in self._tenants and name != DEFAULT:
            self._unknown((*path, "tenant"), "tenant", name, self._tenants)
            return
        tenant = self._tenants.get(name)
        if name in self._tenants and tenant is None:
            return  # it could not be read, which was already said
        projects = {} if tenant is None else tenant.projects
        if key.project and projects is not None and key.project not in projects:
            self._unknown((*path, "project"), f"project of the tenant {shown(name)}", key.project, projects)

    def _tier(self, path: Path, tier: str | None) -> None:
        known = self._sections.limits.tier_names
        if tier and tier not in known:
            self._unknown(path, "tier", tier, known)

    def _unknown(self, path: Path, what: str, name: str, known: Iterable[str]) -> None:
        node, _ = locate(self._root, path)
        quoted = "of this name" if node.origin else f'"{shown(name)}"'
        self._note(path, f"there is no {what} {quoted}", did_you_mean(name, known) or one_of(known))

    def _note(self, path: Path, message: str, suggestion: str = "") -> None:
        node, written = locate(self._root, path)
        self._problems.add(node.where, written, message, suggestion)

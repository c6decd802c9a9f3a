"""Directories for tests: tenants as the file says them, keys by their text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from llm_gateway.config.schema.limits import Allowance, Budget, Rate
from llm_gateway.config.schema.tenants import Tenant
from llm_gateway.config.values import Money, Secret
from llm_gateway.core.caller import Caller
from llm_gateway.identity.building import build
from llm_gateway.identity.directory import Directory
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.rows import Grant, Key, User, read

PEPPER = Pepper(b"pepper")
TIERS = {"pro": Allowance(requests=Rate(minute=500), concurrent=50), "free": Allowance(requests=Rate(minute=60))}
BUDGET = Budget(Money(5 * 10**9))


def tenants(document: dict[str, Any]) -> dict[str, Tenant]:
    return msgspec.convert(document, dict[str, Tenant], dec_hook=_hook)


def _hook(kind: type, value: Any) -> Any:
    return Secret(value) if kind is Secret else read(kind, value)


def key(name: str, tenant: str = "", project: str = "", grant: Grant = Grant(), **more: Any) -> Key:  # noqa: B008 - frozen
    return Key(more.pop("id", name), PEPPER.digest(name.encode()), name, tenant, project, grant, **more)


def directory(document: dict[str, Any], *keys: Key, users: Iterable[User] = ()) -> Directory:
    return Directory(build(tenants(document), keys, users), TIERS)


def caller(document: dict[str, Any], one: Key) -> Caller:
    found = directory(document, one).find(one.digest)
    assert found is not None
    return found

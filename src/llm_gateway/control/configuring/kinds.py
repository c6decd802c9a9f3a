"""The kinds of objects that the API can own, and where each stands in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.config.errors import Path
from llm_gateway.config.schema import Config
from llm_gateway.core.errors import InvalidRequest

LONGEST_NAME = 128


class Made(msgspec.Struct, frozen=True):
    """An object of the API, opened."""

    kind: str
    name: str
    document: Any
    version: int
    created_at: int
    updated_at: int
    updated_by: str

    @property
    def id(self) -> tuple[str, str]:
        return self.kind, self.name


@dataclass(frozen=True)
class Kind:
    """One of them."""

    name: str
    """In the store, and in texts."""
    many: str
    """`/admin/v1/{many}`."""
    section: Path
    """Where in the configuration its objects stand by name."""
    permission: str
    """`{permission}:read`, `{permission}:write`."""
    secret: tuple[str, ...] = ()
    """Paths in a document that hold secrets, besides those that core/redact.py knows by name; with some, all of it is sealed."""

    def path(self, name: str) -> Path:
        """The place of one object. Raises InvalidRequest for a name that is none."""
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise InvalidRequest(f"A name has 1 to {LONGEST_NAME} printable characters.", param="name")
        return (*self.section, *_parts(name)) if self is LIMIT else (*self.section, name)

    def defined(self, config: Config) -> Mapping[str, Any]:
        """All of them that hold, whoever owns them, by name."""
        match self.name:
            case "provider":
                return config.providers
            case "model":
                return config.models
            case "rule":
                return {rule.name: rule for rule in config.routing.rules}
        limits = config.limits
        single = {name: value for name in SINGLE if (value := getattr(limits, name)) != type(value)()}
        named = {f"{part}/{name}": value for part in NAMED for name, value in getattr(limits, part).items()}
        return single | named


PROVIDER = Kind("provider", "providers", ("providers",), "providers", ("headers.*",))
MODEL = Kind("model", "models", ("models",), "models")
RULE = Kind("rule", "routing/rules", ("routing", "rules"), "models")
LIMIT = Kind("limit", "limits", ("limits",), "limits")
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (PROVIDER, MODEL, RULE, LIMIT)})
"""Other objects of the store (tenants, projects) are not configuration."""

SINGLE = ("everyone", "sources", "users")
NAMED = ("tiers", "models", "tags")
"""The pieces of `limits` that there is one of, and those with names: `everyone`, `models/gpt-4o`."""


def _parts(name: str) -> Path:
    piece, slash, rest = name.partition("/")
    if name in SINGLE:
        return (name,)
    if piece in NAMED and slash and rest:
        return piece, rest
    known = ", ".join((*SINGLE, *(f"{one}/NAME" for one in NAMED)))
    raise InvalidRequest(f"There is no such piece of the limits; there are {known}.", param="name", code="invalid_name")

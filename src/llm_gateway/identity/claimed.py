"""What a token or a certificate says about who calls, before the directory makes a Caller of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Literal

import msgspec

from llm_gateway.config.schema.tokens import Claims, Grants
from llm_gateway.core.caller import Caller

LONGEST_TEXT = 256
MOST_WORDS = 64
_SHOWN = 64


class Claimed(msgspec.Struct, frozen=True):
    """Recognised, and not yet allowed anything. "" and None: it does not say."""

    kind: Literal["jwt", "mtls"]
    key_id: str
    """`jwt:` or `mtls:` and 32 hexadecimal digits over who says so and whom it names: bounded, and the same every time."""
    name: str
    """For people: the kind and the subject."""
    tenant: str = ""
    project: str = ""
    user: str = ""
    roles: frozenset[str] = frozenset()
    scopes: tuple[str, ...] | None = None
    tier: str | None = None
    models: tuple[str, ...] = ("*",)
    expires: float | None = None
    """Unix seconds."""


Admit = Callable[[Claimed], Caller]
"""What the directory makes of it. Raises Unauthenticated and Forbidden: a tenant that there is not, say."""


class Unfit(Exception):
    """A claim that is there and cannot be what it should be."""


def identified(kind: Literal["jwt", "mtls"], source: str, subject: str) -> tuple[str, str]:
    """The id and the name of who `source` calls `subject`."""
    digest = sha256(f"{len(source)}:{source}{subject}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    shown = "".join(c if c.isprintable() else "?" for c in subject[:_SHOWN])
    return f"{kind}:{digest}", f"{kind}:{shown}"


class Reading:
    """How one source says who calls: what its tokens say where, and what holds where they say nothing."""

    def __init__(self, kind: Literal["jwt", "mtls"], source: str, grants: Grants, claims: Claims | None) -> None:
        """`claims` None: it says nothing but the subject."""
        self._kind = kind
        self._source = source
        said = Claims() if claims is None else claims
        self._user = None if claims is None else said.user
        self._tenant, self._project, self._tier = said.tenant, said.project, said.tier
        self._roles, self._scopes, self._models = said.roles, said.scopes, said.models
        self._usual = Claimed(
            kind=kind,
            key_id="",
            name="",
            tenant=grants.tenant,
            project=grants.project,
            roles=frozenset(grants.roles),
            scopes=grants.scopes,
            tier=grants.tier,
            models=grants.models,
        )

    def __call__(self, subject: str, said: Mapping[str, Any], expires: float | None = None) -> Claimed:
        """A token that names a tenant names the project too, or has none: the usual project is that of the usual tenant. Where
        tokens name tenants, one that names none has no roles: they would be roles over all tenants.

        Raises Unfit.
        """
        key_id, name = identified(self._kind, self._source, subject)
        usual = self._usual
        roles, scopes, models = (_words(said, path) for path in (self._roles, self._scopes, self._models))
        tenant, project, tier = (_text(said, path) for path in (self._tenant, self._project, self._tier))
        if tenant is None and self._tenant is not None and not usual.tenant:
            roles = ()
        if project is None:
            project = usual.project if tenant is None else ""
        return Claimed(
            kind=usual.kind,
            key_id=key_id,
            name=name,
            tenant=usual.tenant if tenant is None else tenant,
            project=project,
            user=_text(said, self._user) or "",
            roles=usual.roles if roles is None else frozenset(roles),
            scopes=usual.scopes if scopes is None else scopes,
            tier=usual.tier if tier is None else tier,
            models=usual.models if models is None else models,
            expires=expires,
        )


def value_at(said: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, which may have dots (`https://acme.example/tenant`), or by a path. None: it is not there."""
    if path in said:
        return said[path]
    at: Any = said
    for step in path.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    return at


def _text(said: Mapping[str, Any], path: str | None) -> str | None:
    value = None if path is None else value_at(said, path)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT or not value.isprintable():
        raise Unfit
    return value


def _words(said: Mapping[str, Any], path: str | None) -> tuple[str, ...] | None:
    value = None if path is None else value_at(said, path)
    if value is None:
        return None
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or len(words) > MOST_WORDS:
        raise Unfit
    if not all(isinstance(word, str) and 0 < len(word) <= LONGEST_TEXT for word in words):
        raise Unfit
    return tuple(words)

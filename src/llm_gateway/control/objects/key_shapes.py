"""What is sent and shown of keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from llm_gateway.config.schema.auth import ApiKey
from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.values import Duration
from llm_gateway.control.api.route import PageQuery
from llm_gateway.control.objects.documents import moment, said
from llm_gateway.control.objects.scopes import Owner
from llm_gateway.identity.minting import KeyKind
from llm_gateway.identity.rows import grant_of
from llm_gateway.store.rows import KeyRow

OF_THE_KEY = ("name", "key", "key_hash", "kind", "tenant", "project", "disabled", "expires")
"""Fields of auth.keys that are columns here, or not said."""


def _rights() -> list[tuple[str, Any, Any]]:
    hints = get_type_hints(ApiKey, include_extras=True)
    chosen = [field for field in msgspec.structs.fields(ApiKey) if field.name not in OF_THE_KEY]
    return [(field.name, hints[field.name], field.default) for field in chosen]


_ABOUT = "What a key may do. The fields are those of auth.keys in the configuration file."
KeyRights: Any = msgspec.defstruct(
    "KeyRights", _rights(), bases=(Section,), frozen=True, namespace={"__doc__": _ABOUT}, module=__name__
)
Name = Annotated[str, about("What people call it; need not be unique.", min_length=1, max_length=128)]
Expires = Annotated[datetime, about("Refused from this moment on (RFC 3339).")]


Roles = tuple[Literal["system_admin", "tenant_admin", "operator", "developer", "analyst", "auditor", "service"], ...]
_ROLES = about("For the admin API; absent: those of its kind. A key of kind gateway has none.")


class NewKey(KeyRights, frozen=True, kw_only=True):  # type: ignore[call-arg, misc]  # made of auth.keys' fields
    """A key to be made."""

    name: Name
    kind: Annotated[
        KeyKind, about("What it is for. gateway: asking models; admin: the admin API; readonly: looking at models and usage.")
    ] = "gateway"
    tenant: Annotated[str, about("Whose it is; absent: the tenant of who makes it.", max_length=64)] = ""
    project: Annotated[str, about("The tenant's project that it belongs to.", max_length=64)] = ""
    roles: Annotated[Roles, _ROLES] = ()
    expires_at: Expires | None = None


class ChangedKey(KeyRights, frozen=True, kw_only=True):  # type: ignore[call-arg, misc]  # made of auth.keys' fields
    """What can be another than when it was made."""

    name: Name
    roles: Annotated[Roles, _ROLES] = ()
    disabled: Annotated[bool, about("A disabled key is refused until it is enabled again.")] = False
    expires_at: Expires | None = None


class Rotation(Section, frozen=True):
    """How to replace a key."""

    overlap: Annotated[Duration, about("For how long the old key is still accepted.")] = Duration(86_400)


class NewApiKey(Section, frozen=True, kw_only=True):
    """A key to be made, in the words of POST /admin/api-keys."""

    name: Name
    scopes: Annotated[tuple[str, ...] | None, about("Which operations it may use; absent: what is usual.")] = None
    rate_limit_tier: Annotated[str, about("Its limits by name (limits.tiers).", min_length=1)] | None = None
    expires_at: Expires | None = None


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without the key."""

    id: str
    name: str
    owner: Owner
    kind: KeyKind
    status: Annotated[str, about("active, disabled, revoked or expired.")]
    where: Annotated[str, about("File and line, of one that the file defines.")] | None = None
    prefix: Annotated[str, about("What it is recognised by: its first characters.")] | None = None
    tenant: str = ""
    project: str = ""
    version: int | None = None
    created_at: str | None = None
    created_by: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: Annotated[str, about("About when: it is written once a minute.")] | None = None
    roles: tuple[str, ...] = ()
    rotated_from: Annotated[str, about("Id of the key in whose place it is.")] | None = None


class Made(msgspec.Struct, frozen=True):
    """What is shown once."""

    key: Annotated[str, about("The key itself. It is not kept, and cannot be shown again.")]
    signing_secret: Annotated[str, about("What requests are signed with, where require_signature is set.")] | None = None


class MadeApiKey(msgspec.Struct, frozen=True):
    """A key that was made by POST /admin/api-keys."""

    id: str
    api_key: Annotated[str, about("The key itself. It is not kept, and cannot be shown again.")]
    name: str
    created_at: str
    expires_at: str | None = None


class KeyQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which keys."""

    tenant: Annotated[str, about("Of this tenant.")] | None = None
    project: Annotated[str, about("Of this project.")] | None = None
    status: Annotated[str, about("active, disabled or revoked.")] | None = None
    kind: Annotated[str, about("gateway, admin or readonly.")] | None = None
    name: Annotated[str, about("With this name.")] | None = None


def shown(row: KeyRow, last_used: int | None, now: int) -> dict[str, Any]:
    """A key of the store."""
    status: str = row.status
    if status == "active" and row.expires_at is not None and row.expires_at <= now:
        status = "expired"
    document = {name: value for name, value in msgspec.json.decode(row.document).items() if name != "owner"}
    times = [at for at in (row.last_used_at, last_used) if at is not None]
    return {
        "id": row.id,
        "name": row.name,
        "owner": "api",
        "kind": row.kind,
        "status": status,
        "prefix": row.prefix,
        "tenant": row.tenant,
        "project": row.project,
        "version": row.version,
        "created_at": moment(row.created_at),
        "created_by": row.created_by,
        "expires_at": moment(row.expires_at),
        "revoked_at": moment(row.revoked_at),
        "last_used_at": moment(max(times, default=None)),
        "rotated_from": row.rotated_from,
        **document,
    }


def of_file(key: ApiKey, where: str, now: int, last_used: int | None) -> dict[str, Any]:
    """One of the file."""
    status = "disabled" if key.disabled else "active"
    if key.expires is not None and key.expires.timestamp() * 1000 <= now:
        status = "expired"
    return {
        "id": key.name,
        "name": key.name,
        "owner": "file",
        "where": where,
        "kind": key.kind,
        "status": status,
        "tenant": key.tenant,
        "project": key.project,
        "expires_at": None if key.expires is None else moment(int(key.expires.timestamp() * 1000)),
        "last_used_at": moment(last_used),
        **said(grant_of(key), without=("kind",)),
    }

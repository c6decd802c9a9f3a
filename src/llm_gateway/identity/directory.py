"""Tenants, projects, keys and end users as workers have them: one bytes object, built by control, read where it is needed.

What of it is looked up is decoded then, and what was looked up last is kept. Whoever holds it holds the tenants' own keys at
providers: it is kept and sent as part of a snapshot, which is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import msgspec

from llm_gateway.config.schema.tenants import DEFAULT, EndUser, Project, Tenant
from llm_gateway.core import caller as core
from llm_gateway.core.caller import Caller
from llm_gateway.identity.layout import FORMAT, HEAD, LARGEST, MAGIC, Facts, Kept, Shared, home, project_key, tenant_key, user_key
from llm_gateway.identity.rights import Level, Rights, Tiers, level_of_project, level_of_tenant, rights_of
from llm_gateway.identity.rows import UNLIMITED, Grant, full, read
from llm_gateway.identity.table import Packed, Unusable

CALLERS = 4096
"""So many of those that were found last are kept ready."""
SHARED = 1024
"""The same of what keys have in common."""
_K = TypeVar("_K")
_V = TypeVar("_V")


class UnknownTenant(Exception):
    """There are tenants, and none of them (or none of its projects) has this name."""


def _decoder(kind: Any) -> Any:
    return msgspec.msgpack.Decoder(kind, dec_hook=read).decode


_facts, _shared, _kept = _decoder(Facts), _decoder(Shared), _decoder(Kept)
_tenant, _project, _user = _decoder(Tenant), _decoder(Project), _decoder(EndUser)


class Directory:
    """Immutable, but for what it remembers of what was looked up."""

    def __init__(self, blob: bytes, tiers: Tiers) -> None:
        """Raises Unusable for bytes that are no directory, and for one that names a tier that `tiers` does not have."""
        if len(blob) > LARGEST:
            raise Unusable("it is too large")
        if len(blob) < HEAD.size:
            raise Unusable("it ends too early")
        magic, version, checksum, length = HEAD.unpack_from(blob)
        if magic != MAGIC:
            raise Unusable("it is no directory of keys")
        if version != FORMAT:
            raise Unusable(f"it has the format {version}; this version of the gateway reads {FORMAT}")
        if hashlib.sha256(memoryview(blob)[HEAD.size :]).digest() != checksum:
            raise Unusable("it is damaged")
        facts: Facts = _decoded(_facts, blob[HEAD.size : HEAD.size + length])
        self._levels = Packed(blob, HEAD.size + length)
        self._grants = Packed(blob, self._levels.end)
        self._keys = Packed(blob, self._grants.end)
        self._users = Packed(blob, self._keys.end)
        if unknown := [tier for tier in facts.tiers if tier not in tiers]:
            raise Unusable(f"limits.tiers does not have the tier {unknown[0]}, which a key, a project or a tenant names")
        self._tiers = tiers
        self._tenants = facts.tenants
        self._other: Directory | None = None
        self._callers: dict[bytes, Caller] = {}
        self._rights: dict[int, Rights] = {}
        self._known: dict[bytes, Level | None] = {}
        self._looks_up = self if self._users.size else None

    def join(self, other: Directory) -> Directory:
        """Both know from now on what either knows: the file's and the store's. To be called before anything is looked up."""
        self._other, other._other = other, self
        self._looks_up = other._looks_up = self if self._users.size or other._users.size else None
        return self

    @property
    def tenants(self) -> bool:
        """Whether there are any. If not, tenant and project are labels that may say anything."""
        return self._tenants or (self._other is not None and self._other._tenants)  # noqa: SLF001 - of this class

    def __len__(self) -> int:
        """How many keys there are."""
        return self._keys.size + (0 if self._other is None else self._other._keys.size)  # noqa: SLF001 - of this class

    def find(self, digest: bytes) -> Caller | None:
        """Who has the key of this digest. Raises Unusable."""
        caller = self._callers.get(digest)
        if caller is None:
            maker = self
            record = self._keys.find(digest)
            if record is None and self._other is not None:
                maker = self._other
                record = maker._keys.find(digest)  # noqa: SLF001 - of this class
            if record is None:
                return None
            caller = _remember(self._callers, digest, maker._caller(record), CALLERS)  # noqa: SLF001 - of this class
        return caller

    def user(self, tenant: str, name: str) -> core.EndUser | None:
        """What is known of an end user. Raises Unusable."""
        key = user_key(tenant, name)
        record = self._users.find(key)
        if record is None and self._other is not None:
            record = self._other._users.find(key)  # noqa: SLF001 - of this class
        if record is None:
            return None
        document: EndUser = _decoded(_user, record)
        return core.EndUser(document.blocked, document.limits, document.budgets, UNLIMITED)

    def rights(self, grant: Grant, tenant: str = "", project: str = "", *, unknown: bool = False) -> Rights:
        """What a token may do; `Rights.caller` makes the Caller of it. Of tenants that there are not: UnknownTenant is raised,
        unless `unknown` says that they are labels. Raises Unusable, too.
        """
        if self.tenants:
            tenant = home(tenant, grant)
            level = self._level(tenant_key(tenant), partial(self._read_tenant, tenant))
            if level is None and tenant not in (DEFAULT, "") and not unknown:
                raise UnknownTenant(tenant)
            part = self._level(project_key(tenant, project), partial(self._read_project, tenant, project)) if project else None
            if project and part is None and not (unknown and level is None):
                raise UnknownTenant(f"{tenant}/{project}")
            return rights_of(grant, level, part, self._tiers, (tenant, project))
        return rights_of(grant, None, None, self._tiers, (tenant, project))

    @property
    def users(self) -> core.Users | None:
        """For Caller.users: None if nothing is known of any end user, so that nobody looks."""
        return self._looks_up

    def check(self) -> None:
        """Read all that its own keys have in common. Raises Unusable."""
        for row in range(self._grants.size):
            self._shared_rights(row)

    def __iter__(self) -> Iterator[Caller]:
        """All of its keys' callers, made anew. Raises Unusable."""
        for one in (self, self._other):
            for row in range(0 if one is None else one._keys.size):  # noqa: SLF001 - of this class
                yield one._caller(one._keys.record(row))  # type: ignore[union-attr]  # noqa: SLF001 - of this class

    def _caller(self, record: bytes) -> Caller:
        kept: Kept = _decoded(_kept, record)
        rights = self._rights.get(kept.grant) or self._shared_rights(kept.grant)
        return rights.caller(kept.name or kept.id, kept.id, kept.owner, kept.expires, self._looks_up)

    def _shared_rights(self, row: int) -> Rights:
        try:
            record = self._grants.record(row)
        except IndexError:
            raise Unusable("a key has no grant") from None
        shared: Shared = _decoded(_shared, record)
        try:
            grant = msgspec.structs.replace(shared.grant, limits=full(shared.limits), users=full(shared.users))
            rights = self.rights(grant, shared.tenant, shared.project)
        except ValueError as error:
            raise Unusable(f"a grant cannot be read: {error}") from None
        except UnknownTenant as error:
            raise Unusable(f"a key belongs to a tenant or project that there is not: {error}") from None
        return _remember(self._rights, row, rights, SHARED)

    def _level(self, key: bytes, made: Callable[[bytes], Level]) -> Level | None:
        try:
            return self._known[key]
        except KeyError:
            record = self._levels.find(key)
            if record is None and self._other is not None:
                record = self._other._levels.find(key)  # noqa: SLF001 - of this class
            return _remember(self._known, key, None if record is None else made(record), SHARED)

    def _read_tenant(self, name: str, record: bytes) -> Level:
        return level_of_tenant(name, _decoded(_tenant, record), self._tiers)

    def _read_project(self, tenant: str, name: str, record: bytes) -> Level:
        return level_of_project(tenant, name, _decoded(_project, record), self._tiers)


def _remember(kept: dict[_K, _V], key: _K, value: _V, most: int) -> _V:
    """Whoever came first goes first: cheaper than to note each use, and what is used comes back at once."""
    if len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value
    return value


def _decoded(decode: Any, record: bytes) -> Any:
    try:
        return decode(record)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise Unusable(f"a record cannot be read: {error}") from None

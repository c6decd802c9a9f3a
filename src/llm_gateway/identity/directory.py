"""Tenants, projects, keys and end users as workers have them: one bytes object, built by control, read where it is needed.

    magic, format version, SHA-256 of what follows
    facts     msgpack: which tiers are named, whether there are tenants
    levels    tenants and projects, by a hash of their names
    grants    what several keys have in common: tenant, project, grant
    keys      by digest: grant, id, name, expiry, owner
    users     end users, by a hash of tenant and name

Whoever holds it holds the tenants' own provider keys: it is kept and sent as part of a snapshot, which is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from llm_gateway.config.schema.tenants import DEFAULT, EndUser, Project, Tenant
from llm_gateway.core import caller as core
from llm_gateway.core.caller import Caller
from llm_gateway.identity.rights import Level, Rights, Tiers, level_of_project, level_of_tenant, rights_of
from llm_gateway.identity.rows import UNLIMITED, Brief, Grant, Key, User, brief, full, read, written
from llm_gateway.identity.table import Packed, Unusable, pack

FORMAT = 1
LARGEST = 256 << 20
"""Bytes of a directory."""
DIGEST = 32
CALLERS = 4096
"""So many of those that were found last are kept ready."""
SHARED = 1024
"""The same of what keys have in common."""
_MAGIC = b"LGWDIR"
_HEAD = Struct("<6sH32sI")
_NAME = 16
_GRANT = 4
_K = TypeVar("_K")
_V = TypeVar("_V")
_encode = msgspec.msgpack.Encoder(enc_hook=written).encode


class UnknownTenant(Exception):
    """There are tenants, and none of them (or none of its projects) has this name."""


class _Facts(msgspec.Struct, frozen=True, array_like=True):
    tiers: tuple[str, ...]
    tenants: bool


class _Shared(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`grant` without its limits and its users, which stand beside it as `rows.brief` writes them."""

    tenant: str
    project: str
    grant: Grant
    limits: Brief = []
    users: Brief = []


class _Kept(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A key. `name` None: as its id."""

    grant: int
    id: str
    name: str | None = None
    expires: float | None = None
    owner: str | None = None


def _decoder(kind: Any) -> Any:
    return msgspec.msgpack.Decoder(kind, dec_hook=read).decode


_facts, _shared, _kept = _decoder(_Facts), _decoder(_Shared), _decoder(_Kept)
_tenant, _project, _user = _decoder(Tenant), _decoder(Project), _decoder(EndUser)


def build(
    tenants: Mapping[str, Tenant],
    keys: Iterable[Key],
    users: Iterable[User] = (),
    *,
    projects: Mapping[tuple[str, str], Project] = MappingProxyType({}),
    beside: Mapping[str, Tenant] = MappingProxyType({}),
) -> bytes:
    """The directory of all of them; `users` and `projects` (by tenant and name) besides those that `tenants` define; `beside`:
    tenants of the directory that this one will be joined with. Raises Unusable for what does not fit together: the same key
    twice, an id twice, a key of a tenant or project that there is not, too many of anything.
    """
    made = _Builder(tenants, projects, beside)
    parts = [made.levels(), *made.keys(keys), made.users(users)]
    facts = _encode(_Facts(tuple(sorted(made.tiers)), bool(tenants)))
    body = b"".join([facts, *parts])
    blob = _HEAD.pack(_MAGIC, FORMAT, hashlib.sha256(body).digest(), len(facts)) + body
    if len(blob) > LARGEST:
        raise Unusable(f"there are too many keys: the directory would have {len(blob)} bytes, and at most {LARGEST} are loaded")
    return blob


class _Builder:
    def __init__(
        self, tenants: Mapping[str, Tenant], projects: Mapping[tuple[str, str], Project], beside: Mapping[str, Tenant]
    ) -> None:
        self._tenants = tenants
        self._projects = projects
        self._beside = beside
        self.tiers: set[str] = set()

    def levels(self) -> bytes:
        rows: list[tuple[bytes, bytes]] = []
        for name, tenant in self._tenants.items():
            self._tier(tenant.tier)
            rows.append((_tenant_key(name), _encode(msgspec.structs.replace(tenant, projects={}, end_users={}))))
            for part, project in tenant.projects.items():
                self._tier(project.tier)
                rows.append((_project_key(name, part), _encode(project)))
        for (name, part), project in self._projects.items():
            self._tier(project.tier)
            rows.append((_project_key(name, part), _encode(project)))
        return pack(rows, _NAME)

    def keys(self, keys: Iterable[Key]) -> tuple[bytes, bytes]:
        """Grants and keys."""
        grants: dict[bytes, int] = {}
        rows: list[tuple[bytes, bytes]] = []
        digests: dict[bytes, Key] = {}
        ids: dict[str, Key] = {}
        seen: dict[tuple[int, str, str], tuple[int, Grant]] = {}
        for key in keys:
            tenant, project = self._place(key)
            if (other := digests.setdefault(key.digest, key)) is not key:
                raise Unusable(f"{_said(key)} is the same key as {_said(other)}; remove one of them")
            if (other := ids.setdefault(key.id, key)) is not key:
                raise Unusable(f"{_said(key)} has the id of {_said(other)}; give it another one")
            made = seen.get((id(key.grant), tenant, project))
            if made is None:  # `seen` holds it, so that no other grant comes to have its id
                self._tier(key.grant.tier)
                grant = grants.setdefault(self._shared(tenant, project, key.grant), len(grants))
                made = seen[id(key.grant), tenant, project] = (grant, key.grant)
            grant = made[0]
            kept = _Kept(grant, key.id, None if key.name == key.id else key.name, key.expires, key.owner)
            rows.append((key.digest, _encode(kept)))
        packed = pack(((grant.to_bytes(_GRANT, "big"), shared) for shared, grant in grants.items()), _GRANT)
        return packed, pack(rows, DIGEST)

    def _shared(self, tenant: str, project: str, grant: Grant) -> bytes:
        rest = msgspec.structs.replace(grant, limits=UNLIMITED, users=UNLIMITED)
        return _encode(_Shared(tenant, project, rest, brief(grant.limits), brief(grant.users)))

    def users(self, users: Iterable[User]) -> bytes:
        rows: dict[bytes, bytes] = {}
        for tenant, known in self._tenants.items():
            for name, document in known.end_users.items():
                rows[_user_key(tenant, name)] = _encode(document)
        for user in users:
            key = _user_key(user.tenant, user.name)
            if key in rows:
                raise Unusable(f"the end user {user.name} of the tenant {user.tenant} is defined twice; remove one of them")
            rows[key] = _encode(user.document)
        return pack(rows.items(), _NAME)

    def _place(self, key: Key) -> tuple[str, str]:
        """Tenant and project of a key, which exist where there are tenants."""
        if not self._tenants and not self._beside:
            return key.tenant, key.project
        name = _home(key.tenant, key.grant)
        tenant = self._tenants.get(name) or self._beside.get(name)
        if tenant is None and name not in (DEFAULT, ""):
            raise Unusable(f"{_said(key)} belongs to a tenant that there is not: {name}")
        elsewhere = (name, key.project) in self._projects
        if key.project and not elsewhere and (tenant is None or key.project not in tenant.projects):
            raise Unusable(f"{_said(key)} belongs to a project that the tenant {name} does not have: {key.project}")
        return name, key.project

    def _tier(self, tier: str | None) -> None:
        if tier is not None:
            self.tiers.add(tier)


def _said(key: Key) -> str:
    return f"{key.origin} ({key.name})" if key.origin else f"the key {key.id}"


class Directory:
    """Immutable, but for what it remembers of what was looked up."""

    def __init__(self, blob: bytes, tiers: Tiers) -> None:
        """Raises Unusable for bytes that are no directory, and for one that names a tier that `tiers` does not have."""
        if len(blob) > LARGEST:
            raise Unusable("it is too large")
        if len(blob) < _HEAD.size:
            raise Unusable("it ends too early")
        magic, version, checksum, length = _HEAD.unpack_from(blob)
        if magic != _MAGIC:
            raise Unusable("it is no directory of keys")
        if version != FORMAT:
            raise Unusable(f"it has the format {version}; this version of the gateway reads {FORMAT}")
        if hashlib.sha256(memoryview(blob)[_HEAD.size :]).digest() != checksum:
            raise Unusable("it is damaged")
        facts: _Facts = _decoded(_facts, blob[_HEAD.size : _HEAD.size + length])
        self._levels = Packed(blob, _HEAD.size + length)
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
        return self._tenants or (self._other is not None and self._other._tenants)

    def __len__(self) -> int:
        """How many keys there are."""
        return self._keys.size + (0 if self._other is None else self._other._keys.size)

    def find(self, digest: bytes) -> Caller | None:
        """Who has the key of this digest. Raises Unusable."""
        caller = self._callers.get(digest)
        if caller is None:
            maker = self
            record = self._keys.find(digest)
            if record is None and self._other is not None:
                maker = self._other
                record = maker._keys.find(digest)
            if record is None:
                return None
            caller = _remember(self._callers, digest, maker._caller(record), CALLERS)
        return caller

    def user(self, tenant: str, name: str) -> core.EndUser | None:
        """What is known of an end user. Raises Unusable."""
        key = _user_key(tenant, name)
        record = self._users.find(key)
        if record is None and self._other is not None:
            record = self._other._users.find(key)
        if record is None:
            return None
        document: EndUser = _decoded(_user, record)
        return core.EndUser(document.blocked, document.limits, document.budgets, UNLIMITED)

    def rights(self, grant: Grant, tenant: str = "", project: str = "", *, unknown: bool = False) -> Rights:
        """What a token may do; `Rights.caller` makes the Caller of it. Of tenants that there are not: UnknownTenant is raised,
        unless `unknown` says that they are labels. Raises Unusable, too.
        """
        if self.tenants:
            tenant = _home(tenant, grant)
            level = self._level(_tenant_key(tenant), partial(self._read_tenant, tenant))
            if level is None and tenant not in (DEFAULT, "") and not unknown:
                raise UnknownTenant(tenant)
            part = self._level(_project_key(tenant, project), partial(self._read_project, tenant, project)) if project else None
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
            for row in range(0 if one is None else one._keys.size):
                yield one._caller(one._keys.record(row))  # type: ignore[union-attr]  # of None there are none

    def _caller(self, record: bytes) -> Caller:
        kept: _Kept = _decoded(_kept, record)
        rights = self._rights.get(kept.grant) or self._shared_rights(kept.grant)
        return rights.caller(kept.name or kept.id, kept.id, kept.owner, kept.expires, self._looks_up)

    def _shared_rights(self, row: int) -> Rights:
        try:
            record = self._grants.record(row)
        except IndexError:
            raise Unusable("a key has no grant") from None
        shared: _Shared = _decoded(_shared, record)
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
                record = self._other._levels.find(key)
            return _remember(self._known, key, None if record is None else made(record), SHARED)

    def _read_tenant(self, name: str, record: bytes) -> Level:
        return level_of_tenant(name, _decoded(_tenant, record), self._tiers)

    def _read_project(self, tenant: str, name: str, record: bytes) -> Level:
        return level_of_project(tenant, name, _decoded(_project, record), self._tiers)


def _home(tenant: str, grant: Grant) -> str:
    """Who names no tenant belongs to the default one; who administrates, to none."""
    return tenant or ("" if grant.kind == "admin" or grant.roles else DEFAULT)


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


def _tenant_key(name: str) -> bytes:
    return _hashed(b"t", name)


def _project_key(tenant: str, name: str) -> bytes:
    return _hashed(b"p", tenant, name)


def _user_key(tenant: str, name: str) -> bytes:
    return _hashed(b"u", tenant, name)


def _hashed(kind: bytes, *names: str) -> bytes:
    return hashlib.blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=_NAME, person=kind).digest()

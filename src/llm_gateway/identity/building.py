"""Makes a directory: control's part, and each process's for the keys of its configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from llm_gateway.config.schema.tenants import DEFAULT, Project, Tenant
from llm_gateway.identity.layout import (
    DIGEST,
    FORMAT,
    GRANT,
    HEAD,
    LARGEST,
    MAGIC,
    NAME,
    Facts,
    Kept,
    Shared,
    home,
    project_key,
    tenant_key,
    user_key,
)
from llm_gateway.identity.rows import UNLIMITED, Grant, Key, User, brief, written
from llm_gateway.identity.table import Unusable, pack

_encode = msgspec.msgpack.Encoder(enc_hook=written).encode
_decode = msgspec.msgpack.Decoder(Kept).decode

MOST_GONE = 10_000
"""Keys that went since a directory was made anew: what each shared with nobody is in it until then."""


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
    return Building(tenants, keys, users, projects=projects, beside=beside).blob()


class Building:
    """A directory whose keys can be changed one by one, which is many times as fast as to make it anew. Not thread-safe."""

    def __init__(
        self,
        tenants: Mapping[str, Tenant],
        keys: Iterable[Key],
        users: Iterable[User] = (),
        *,
        projects: Mapping[tuple[str, str], Project] = MappingProxyType({}),
        beside: Mapping[str, Tenant] = MappingProxyType({}),
    ) -> None:
        """As `build`. Raises Unusable."""
        self._gone = 0
        self._made = made = _Builder(tenants, projects, beside)
        self._levels = made.levels()
        made.keys(keys)
        made.sort()
        self._users = made.users(users)
        self._tenants = bool(tenants)

    def blob(self) -> bytes:
        """The directory. Raises Unusable."""
        facts = _encode(Facts(tuple(sorted(self._made.tiers)), self._tenants))
        body = b"".join([facts, self._levels, *self._made.packed(), self._users])
        blob = HEAD.pack(MAGIC, FORMAT, hashlib.sha256(body).digest(), len(facts)) + body
        if len(blob) > LARGEST:
            raise Unusable(
                f"there are too many keys: the directory would have {len(blob)} bytes, and at most {LARGEST} are loaded"
            )
        return blob

    def change(self, keys: Iterable[Key], gone: Iterable[bytes]) -> bool:
        """Lets the keys with the digests `gone` go, and takes `keys` in, whose ids nobody else has. False: nothing was changed,
        because it has to be made anew for that: nobody can tell whether a tier that one of them named is named by another one,
        or what MOST_GONE of them shared with nobody still stands in it. Raises Unusable as `build` does; it is of no use after
        that.
        """
        made = self._made
        old = made.rows.keys() & {*gone}
        if old and (made.tiers or self._gone + len(old) > MOST_GONE):
            return False
        self._gone += len(old)
        for digest in old:
            del made.rows[digest]
        made.keys(keys)
        return True

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._made.rows)


class _Builder:
    def __init__(
        self, tenants: Mapping[str, Tenant], projects: Mapping[tuple[str, str], Project], beside: Mapping[str, Tenant]
    ) -> None:
        self._tenants = tenants
        self._projects = projects
        self._beside = beside
        self._grants: dict[bytes, int] = {}
        self._origins: dict[str, str] = {}
        self.tiers: set[str] = set()
        self.rows: dict[bytes, bytes] = {}
        """Keys by digest."""

    def levels(self) -> bytes:
        rows: list[tuple[bytes, bytes]] = []
        for name, tenant in self._tenants.items():
            self._tier(tenant.tier)
            rows.append((tenant_key(name), _encode(msgspec.structs.replace(tenant, projects={}, end_users={}))))
            for part, project in tenant.projects.items():
                self._tier(project.tier)
                rows.append((project_key(name, part), _encode(project)))
        for (name, part), project in self._projects.items():
            self._tier(project.tier)
            rows.append((project_key(name, part), _encode(project)))
        return pack(rows, NAME)

    def keys(self, keys: Iterable[Key]) -> None:
        """More of them."""
        grants, rows = self._grants, self.rows
        ids: dict[str, bytes] = {}
        seen: dict[tuple[int, str, str], tuple[int, Grant]] = {}
        for key in keys:
            tenant, project = self._place(key)
            if key.digest in rows:
                raise Unusable(f"{_said(key)} is the same key as {self._other(key.digest)}; remove one of them")
            if key.id in ids:
                raise Unusable(f"{_said(key)} has the id of {self._other(ids[key.id])}; give it another one")
            ids[key.id] = key.digest
            made = seen.get((id(key.grant), tenant, project))
            if made is None:  # `seen` holds it, so that no other grant comes to have its id
                self._tier(key.grant.tier)
                grant = grants.setdefault(self._shared(tenant, project, key.grant), len(grants))
                made = seen[id(key.grant), tenant, project] = (grant, key.grant)
            kept = Kept(made[0], key.id, None if key.name == key.id else key.name, key.expires, key.owner)
            rows[key.digest] = _encode(kept)
            if key.origin:
                self._origins[key.id] = _said(key)

    def packed(self) -> tuple[bytes, bytes]:
        """Grants and keys."""
        grants = pack(((grant.to_bytes(GRANT, "big"), shared) for shared, grant in self._grants.items()), GRANT)
        return grants, pack(self.rows.items(), DIGEST)

    def sort(self) -> None:
        """What is sorted already, but for what came later, is packed in half the time."""
        self.rows = dict(sorted(self.rows.items()))

    def _other(self, digest: bytes) -> str:
        ident = _decode(self.rows[digest]).id
        return self._origins.get(ident, f"the key {ident}")

    def _shared(self, tenant: str, project: str, grant: Grant) -> bytes:
        rest = msgspec.structs.replace(grant, limits=UNLIMITED, users=UNLIMITED)
        return _encode(Shared(tenant, project, rest, brief(grant.limits), brief(grant.users)))

    def users(self, users: Iterable[User]) -> bytes:
        rows: dict[bytes, bytes] = {}
        for tenant, known in self._tenants.items():
            for name, document in known.end_users.items():
                rows[user_key(tenant, name)] = _encode(document)
        for user in users:
            key = user_key(user.tenant, user.name)
            if key in rows:
                raise Unusable(f"the end user {user.name} of the tenant {user.tenant} is defined twice; remove one of them")
            rows[key] = _encode(user.document)
        return pack(rows.items(), NAME)

    def _place(self, key: Key) -> tuple[str, str]:
        """Tenant and project of a key, which exist where there are tenants."""
        if not self._tenants and not self._beside:
            return key.tenant, key.project
        name = home(key.tenant, key.grant)
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

"""How a directory is laid out: what is written by building.py and read by directory.py.

magic, format version, SHA-256 of what follows
facts     msgpack: which tiers are named, whether there are tenants
levels    tenants and projects, by a hash of their names
grants    what several keys have in common: tenant, project, grant
keys      by digest: grant, id, name, expiry, owner
users     end users, by a hash of tenant and name
"""

from __future__ import annotations

import hashlib
from struct import Struct

import msgspec

from llm_gateway.config.schema.tenants import DEFAULT
from llm_gateway.identity.rows import Brief, Grant

FORMAT = 1
LARGEST = 256 << 20
"""Bytes of a directory."""
MAGIC = b"LGWDIR"
HEAD = Struct("<6sH32sI")
NAME = 16
"""Bytes of a hash of names."""
DIGEST = 32
"""Of a key."""
GRANT = 4
"""Of a grant's number."""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    tiers: tuple[str, ...]
    tenants: bool


class Shared(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`grant` without its limits and its users, which stand beside it as `rows.brief` writes them."""

    tenant: str
    project: str
    grant: Grant
    limits: Brief = []
    users: Brief = []


class Kept(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A key. `name` None: as its id."""

    grant: int
    id: str
    name: str | None = None
    expires: float | None = None
    owner: str | None = None


def home(tenant: str, grant: Grant) -> str:
    """Who names no tenant belongs to the default one; who administrates, to none."""
    return tenant or ("" if grant.kind == "admin" or grant.roles else DEFAULT)


def tenant_key(name: str) -> bytes:
    return _hashed(b"t", name)


def project_key(tenant: str, name: str) -> bytes:
    return _hashed(b"p", tenant, name)


def user_key(tenant: str, name: str) -> bytes:
    return _hashed(b"u", tenant, name)


def _hashed(kind: bytes, *names: str) -> bytes:
    return hashlib.blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=NAME, person=kind).digest()

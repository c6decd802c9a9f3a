"""What control builds and workers act on: numbered, in parts, signed.

A part that the other side has already is not sent again: the manifest names every part by its digest. The manifest is signed
under a key derived from the state directory's secret, so that a worker acts on what this gateway's own control made, whatever
else found its way to the socket or the disk.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import msgspec

FORMAT = 1
"""Of the manifest. A worker refuses what is newer than itself."""
CONFIG = "config"
"""The configuration's tree (config/document.py)."""
DIRECTORY = "directory"
"""Tenants, projects, keys (identity)."""
STORE = "store"
"""It is there from the moment on at which the store was read for the first time."""
MANAGED = "managed"
"""Managed: what the supervisor runs."""


class Unusable(Exception):
    """A snapshot that is not acted on; the message says why."""


class Managed(msgspec.Struct, frozen=True, array_like=True):
    """The providers that the gateway runs itself."""

    urls: dict[str, str] = {}
    missing: dict[str, str] = {}
    """Provider -> why it could not be started."""


class _Manifest(msgspec.Struct, frozen=True):
    format: int
    number: int
    created: int
    digests: dict[str, bytes]


class Parcel(msgspec.Struct, frozen=True):
    """A snapshot on its way: the manifest, its signature, and those parts that the other side lacks."""

    manifest: bytes
    signature: bytes
    parts: dict[str, bytes]


class Shared(Protocol):
    """The configuration's `database`."""

    @property
    def url(self) -> object | None: ...


@dataclass(frozen=True)
class Snapshot:
    """`number` grows with each one; `created`: Unix milliseconds."""

    number: int
    created: int
    parts: Mapping[str, bytes]
    digests: Mapping[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        digests = {name: hashlib.sha256(part).digest() for name, part in self.parts.items()}
        object.__setattr__(self, "digests", MappingProxyType(digests))

    @property
    def config(self) -> bytes:
        """Raises Unusable where there is none."""
        try:
            return self.parts[CONFIG]
        except KeyError:
            raise Unusable("the snapshot has no configuration") from None

    @property
    def directory(self) -> bytes | None:
        """None: only the keys of the configuration."""
        return self.parts.get(DIRECTORY)

    def waiting(self, database: Shared) -> bool:
        """Whether there is a database beside this node's own files and nobody has read it yet."""
        return database.url is not None and STORE not in self.parts

    @property
    def managed(self) -> Managed:
        """Raises Unusable."""
        part = self.parts.get(MANAGED)
        try:
            return Managed() if part is None else msgspec.msgpack.decode(part, type=Managed)
        except msgspec.DecodeError:
            raise Unusable("the addresses of managed providers cannot be read") from None


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF with SHA-256, RFC 5869; one block of output)."""
    extracted = hmac.digest(b"llm-gateway", secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


class Signer:
    """Makes and takes parcels under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "snapshot signature")

    def parcel(self, snapshot: Snapshot, known: Mapping[str, bytes] = MappingProxyType({})) -> Parcel:
        """`known`: digests of the parts that the other side has, by name."""
        manifest = msgspec.msgpack.encode(_Manifest(FORMAT, snapshot.number, snapshot.created, dict(snapshot.digests)))
        parts = {name: part for name, part in snapshot.parts.items() if known.get(name) != snapshot.digests[name]}
        return Parcel(manifest, hmac.digest(self._key, manifest, "sha256"), parts)

    def open(self, given: object, before: Snapshot | None = None) -> Snapshot:
        """The snapshot in a parcel, its other parts taken from `before`. Raises Unusable: not signed by this gateway, older than
        `before`, of a newer format, or not whole.
        """
        try:
            parcel = msgspec.convert(given, Parcel)
            if not hmac.compare_digest(hmac.digest(self._key, parcel.manifest, "sha256"), parcel.signature):
                raise Unusable("the snapshot's signature is wrong: another gateway, or another state directory, made it")
            manifest = _manifest(parcel.manifest)
        except msgspec.MsgspecError:
            raise Unusable("the snapshot cannot be read") from None
        if before is not None and manifest.number < before.number:
            raise Unusable(f"the snapshot is older (number {manifest.number}) than the one in use ({before.number})")
        known = {} if before is None else before.parts
        parts = {name: parcel.parts.get(name, known.get(name, b"")) for name in manifest.digests}
        made = Snapshot(manifest.number, manifest.created, parts)
        wrong = sorted(name for name, digest in manifest.digests.items() if made.digests[name] != digest)
        if wrong:
            raise Unusable(f"the snapshot is not whole: {', '.join(wrong)}")
        return made


def _manifest(data: bytes) -> _Manifest:
    """Raises Unusable for a newer format, whose other fields may mean anything; msgspec.MsgspecError."""
    found = msgspec.msgpack.decode(data, type=dict[str, msgspec.Raw])
    version = msgspec.msgpack.decode(found.get("format", b"\x00"), type=int)
    if version != FORMAT:
        raise Unusable(f"the snapshot has format {version}; this version of the gateway reads {FORMAT}")
    return msgspec.msgpack.decode(data, type=_Manifest)

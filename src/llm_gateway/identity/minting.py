"""New keys: `sk-gateway-`, `sk-admin-` or `sk-readonly-`, 43 characters for 256 random bits, six for a checksum.

The checksum lets scanners of source code, and who mistyped one, tell a key from what looks like one; it proves nothing. A key is
shown once, when it is made: what is kept is its digest under the pepper.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from llm_gateway.config.values import Secret
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.rows import Key

KeyKind = Literal["gateway", "admin", "readonly"]
PREFIXES: Mapping[KeyKind, str] = MappingProxyType({"gateway": "sk-gateway-", "admin": "sk-admin-", "readonly": "sk-readonly-"})
SHOWN = 4
"""Characters behind the prefix by which people recognise a key: 24 bits of its 256."""
PATTERN = r"sk-(?:gateway|admin|readonly)-[0-9A-Za-z]{49}"
"""For scanners."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BYTES, _LENGTH, _CHECK = 32, 43, 6


class Minted(NamedTuple):
    """A new key. `key` is shown to its owner and then forgotten."""

    id: str
    kind: KeyKind
    key: Secret
    digest: bytes
    shown: str
    """Its beginning, for lists."""


def mint(kind: KeyKind, pepper: Pepper, ulid: Callable[[], str], random: Callable[[int], bytes] = secrets.token_bytes) -> Minted:
    """`ulid` gives its id, `random` so many bytes that nobody can guess."""
    prefix = PREFIXES[kind]
    secret = prefix + _text(int.from_bytes(random(_BYTES), "big"), _LENGTH)
    key = secret + _checksum(secret)
    return Minted(f"key_{ulid()}", kind, Secret(key), pepper.digest(key.encode()), shown(key))


def shown(key: str) -> str:
    """The part of a minted key that may be shown; of anything else nothing."""
    kind = kind_of(key)
    return "" if kind is None else key[: len(PREFIXES[kind]) + SHOWN] + "..."


def kind_of(key: str) -> KeyKind | None:
    """What kind of key this is; None: it was never minted, or was mistyped. Says nothing about whether it is accepted."""
    if not re.fullmatch(PATTERN, key) or _checksum(key[:-_CHECK]) != key[-_CHECK:]:
        return None
    return next((kind for kind, prefix in PREFIXES.items() if key.startswith(prefix)), None)


def rotated(key: Key, new: Minted, until: float) -> tuple[Key, Key]:
    """The old key, which ends at `until` (Unix seconds) if not before, and the new one with the same rights, which owns and has
    used up what the old one did.
    """
    ends = until if key.expires is None else min(until, key.expires)
    old = msgspec.structs.replace(key, expires=ends)
    return old, msgspec.structs.replace(key, id=new.id, digest=new.digest, owner=key.owner or key.id)


def _checksum(text: str) -> str:
    return _text(zlib.crc32(text.encode()), _CHECK)


def _text(number: int, length: int) -> str:
    """`number` in base 62, most significant digit first."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))

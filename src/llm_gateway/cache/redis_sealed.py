"""An answer as it lies in Redis: without the secret nobody can read it, change it, or put it in the place of another.

version (1 byte), nonce (12 bytes), AES-256-GCM of: how (1 byte: as it is, or deflated), the entry in MessagePack

Version and key are associated data. Each key has a cipher of its own, since nonces are drawn, and of those a cipher bears 2^32.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from llm_gateway.cache.entry import Entry

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BESIDE = 64 << 10
"""Bytes at most that an entry takes beside its body."""
_VERSION = b"\x01"
"""Raised when Entry changes otherwise than by fields at its end that may be absent."""
_NONCE = 12
_TAG = 16
_PLAIN, _DEFLATED = 0, 1
_SMALL, _LARGE = 1 << 10, 128 << 10
"""Bytes between which it is worth deflating: less gains nothing, more would hold up all other requests for milliseconds."""
_LEVEL = 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class Sealing:
    """Under one secret."""

    def __init__(self, secret: bytes, draw: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """`draw`: so many bytes that nobody can foresee."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 6 MB that not every gateway needs
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._secret = secret
        self._draw = draw
        self._aes = AESGCM
        self._wrong = InvalidTag

    def seal(self, key: bytes, entry: Entry) -> bytes:
        """What is put under `key`. Raises ValueError for an entry whose texts are none."""
        told = _encode(entry)
        how = _PLAIN
        if _SMALL < len(told) <= _LARGE:
            deflated = zlib.compress(told, _LEVEL)
            if len(deflated) < len(told):
                told, how = deflated, _DEFLATED
        nonce = self._draw(_NONCE)
        return _VERSION + nonce + self._cipher(key).encrypt(nonce, b"%c%b" % (how, told), _VERSION + key)

    def open(self, key: bytes, value: bytes, most: int) -> Entry | None:
        """None: it is damaged, of another secret or version, of another key, or its body may have more than `most` bytes."""
        if not value.startswith(_VERSION) or not 1 + _NONCE + _TAG < len(value) <= sealed_size(most):
            return None
        try:
            told = self._cipher(key).decrypt(value[1 : 1 + _NONCE], value[1 + _NONCE :], _VERSION + key)
            plain = told[1:] if told[0] == _PLAIN else _inflated(told[1:], most + BESIDE)
            entry = _decode(plain)
        except (self._wrong, ValueError, zlib.error, msgspec.MsgspecError):
            return None
        return entry if len(entry.body) <= most else None

    def _cipher(self, key: bytes) -> AESGCM:
        return self._aes(hmac.digest(self._secret, key, "sha256"))


def sealed_size(most: int) -> int:
    """The most bytes that an entry takes with a body of `most` bytes."""
    return 2 + _NONCE + _TAG + most + BESIDE


def _inflated(told: bytes, most: int) -> bytes:
    """Raises ValueError for more than `most` bytes, and for what has no end; zlib.error."""
    reader = zlib.decompressobj()
    plain = reader.decompress(told, most)
    if not reader.eof:
        raise ValueError("too large, or cut off")
    return plain

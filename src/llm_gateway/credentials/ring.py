"""Sealing what is kept: AES-256-GCM under keys derived from a master key, of which there may be several.

A sealed blob is

    version   1 byte, 1
    key id    8 bytes: which master key
    nonce     12 bytes, random
    rest      ciphertext and tag (NIST SP 800-38D)

and the id of the row it belongs to is authenticated with it, so that a blob that was moved to another row does not open. Master
keys are never used themselves: each purpose has a key of its own by HKDF-SHA-256 (RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llm_gateway.config.schema import Secrets
from llm_gateway.credentials.once import StateFileUnusable, made_once

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_BYTES = 32
OVERHEAD = 1 + 8 + 12 + 16
"""How much longer a blob is than what it holds."""

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD = 1 + _ID_BYTES + _NONCE_BYTES
_MOST_KEYS = 16
_FILE = "master.key"


class Unsealable(Exception):
    """A blob that does not open. The text says why, as far as that can be known, and nothing of what is in it."""


class Ring:
    """Master keys, the current one first."""

    def __init__(self, masters: Sequence[bytes], random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """Raises ValueError for keys that are not 32 bytes, none, or too many."""
        if not 1 <= len(masters) <= _MOST_KEYS or any(len(master) != MASTER_BYTES for master in masters):
            raise ValueError(f"a key ring has 1 to {_MOST_KEYS} keys of {MASTER_BYTES} bytes")
        self._random_bytes = random_bytes
        self._masters = {hkdf(master, b"llm-gateway key id", _ID_BYTES): master for master in reversed(masters)}
        self._current = hkdf(masters[0], b"llm-gateway key id", _ID_BYTES)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the keys in hexadecimal, the current one first."""
        others = [key.hex() for key in self._masters if key != self._current]
        return (self._current.hex(), *reversed(others))

    def derive(self, purpose: str, key_id: str | None = None) -> bytes:
        """32 bytes for one purpose, of the current key or of another. Raises KeyError for a key that is not here."""
        master = self._masters[self._current if key_id is None else bytes.fromhex(key_id)]
        return hkdf(master, b"llm-gateway " + purpose.encode(), 32)

    def seal(self, data: bytes, row: str) -> bytes:
        """`data` for the row `row`, such as provider_keys/01J..."""
        nonce = self._random_bytes(_NONCE_BYTES)
        head = _VERSION + self._current + nonce
        return head + self._cipher(self._current).encrypt(nonce, data, _associated(head, row))

    def open(self, blob: bytes, row: str) -> bytes:
        """What was sealed for `row`. Raises Unsealable."""
        if len(blob) < OVERHEAD:
            raise Unsealable("it is too short: it was cut off, or is nothing that was sealed here")
        if blob[:1] != _VERSION:
            raise Unsealable("it has a form that this version does not know")
        head, key = blob[:_HEAD], blob[1 : 1 + _ID_BYTES]
        if key not in self._masters:
            raise Unsealable(f"the key {key.hex()} that it was sealed with is not here: see secrets.old_master_keys")
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - most processes never open anything

        try:
            return self._cipher(key).decrypt(head[-_NONCE_BYTES:], blob[_HEAD:], _associated(head, row))
        except InvalidTag:
            raise Unsealable("it was changed, or belongs to another row") from None

    def reseal(self, blob: bytes, row: str) -> bytes | None:
        """The same under the current key; None if it is under that one already. Raises Unsealable."""
        data = self.open(blob, row)
        return None if blob[1 : 1 + _ID_BYTES] == self._current else self.seal(data, row)

    def _cipher(self, key: bytes) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

        return AESGCM(self.derive("seal", key.hex()))


def hkdf(master: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256 and no salt (RFC 5869): `length` bytes, 8,160 at most."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), master, "sha256")
    made = block = b""
    while len(made) < length:
        block = hmac.digest(extracted, block + info + bytes([len(made) // 32 + 1]), "sha256")
        made += block
    return made[:length]


def load_ring(state: Path, said: Secrets) -> Ring:
    """The ring that `secrets` describes; without a master key there, the one of the state directory, made if there is none.

    Raises StateFileUnusable.
    """
    if said.master_key is not None:
        texts = [said.master_key.reveal(), *(key.reveal() for key in said.old_master_keys)]
        return _ring(texts, "secrets.master_key")
    file = state / _FILE
    data = made_once(file, lambda: new_master_key().encode() + b"\n", most=_MOST_KEYS * 64)
    return _ring(data.decode("ascii", "replace").split(), str(file))


def new_master_key() -> str:
    """32 random bytes in base64."""
    return b64encode(secrets.token_bytes(MASTER_BYTES)).decode("ascii")


def _ring(texts: Sequence[str], where: str) -> Ring:
    try:
        return Ring([b64decode(text, validate=True) for text in texts])
    except (NotBase64, ValueError):
        raise StateFileUnusable(
            f"{where} cannot be used: a master key is {MASTER_BYTES} random bytes in base64, as `openssl rand -base64 32` prints."
            " Without the right one nothing that was sealed can be read; restore it."
        ) from None


def _associated(head: bytes, row: str) -> bytes:
    return head + row.encode()

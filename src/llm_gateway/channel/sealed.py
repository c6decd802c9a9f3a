"""The last good snapshot on disk: whole or not there, and of no use without the state directory's secret.

magic (8 bytes), nonce (12 bytes), AES-256-GCM of a parcel with the magic as associated data
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from llm_gateway.channel.frames import MOST_BULK
from llm_gateway.channel.snapshot import Parcel, Signer, Snapshot, Unusable, derive

NAME = "snapshot"
"""Of the file in the state directory."""
_MAGIC = b"LGSNAP\x00\x01"
_NONCE = 12


def save(state: Path, secret: bytes, snapshot: Snapshot) -> None:
    """Replace the last one: a crash leaves the old or the new one. Raises OSError."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 6 MB that only this needs

    plain = msgspec.msgpack.encode(Signer(secret).parcel(snapshot))
    nonce = secrets.token_bytes(_NONCE)
    sealed = _MAGIC + nonce + AESGCM(derive(secret, "snapshot on disk")).encrypt(nonce, plain, _MAGIC)
    new = state / f"{NAME}.{secrets.token_hex(8)}"
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(fd)
        new.replace(state / NAME)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    folder = os.open(state, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too
    finally:
        os.close(folder)


def last_good(state: Path, secret: bytes) -> Snapshot | None:
    """The one on disk; None: there is none yet. Raises Unusable: it is damaged, or another secret sealed it."""
    try:
        with (state / NAME).open("rb") as file:
            sealed = file.read(MOST_BULK + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"the last good snapshot cannot be read: {error.strerror or error}") from None
    if not sealed.startswith(_MAGIC) or len(sealed) > MOST_BULK:
        raise Unusable("the last good snapshot is damaged, or of another version of the gateway")
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    nonce, rest = sealed[len(_MAGIC) : len(_MAGIC) + _NONCE], sealed[len(_MAGIC) + _NONCE :]
    try:
        plain = AESGCM(derive(secret, "snapshot on disk")).decrypt(nonce, rest, _MAGIC)
        return Signer(secret).open(msgspec.msgpack.decode(plain, type=Parcel))
    except (InvalidTag, ValueError, msgspec.MsgspecError):
        raise Unusable("the last good snapshot is damaged, or sealed under another secret") from None

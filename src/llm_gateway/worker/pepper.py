"""The secret under which keys are hashed: made once, kept in the state directory, never shown."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_BYTES = 32


class StateUnusable(Exception):
    """The state directory cannot be used; the message says why and what to do."""


def load_pepper(state: Path) -> bytes:
    """The pepper, made if there is none yet (mode 0600). Raises StateUnusable."""
    file = state / "pepper"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not file.exists():
            _make(file)
        with file.open("rb") as made:
            pepper = made.read(_BYTES + 1)  # never more, whatever the file turns out to be
    except OSError as error:
        raise StateUnusable(
            f"state.dir {state}: {error.strerror or error}. Set state.dir to a directory that can be written."
        ) from None
    if len(pepper) != _BYTES:
        raise StateUnusable(f"{file} is damaged: it must hold {_BYTES} bytes. Without it no key_hash can be checked; restore it.")
    return pepper


def _make(file: Path) -> None:
    """Whole or not at all: of two processes that start at once one makes it, and a crash leaves none that is half written."""
    new = file.with_name(f"pepper.{secrets.token_hex(8)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(secrets.token_bytes(_BYTES))
            out.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink()

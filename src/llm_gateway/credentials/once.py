"""Files of the state directory that are made once and never shown: keys, ids."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


class StateFileUnusable(Exception):
    """A file of the state directory cannot be used; the message says why and what to do."""


def made_once(file: Path, make: Callable[[], bytes], *, most: int) -> bytes:
    """What is in `file`, `most` bytes at most; made (mode 0600) if it is not there.

    Whole or not at all: of two processes that start at once one makes it, and a crash leaves none that is half written.
    Raises StateFileUnusable.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not file.exists():
            _write(file, make())
        if file.stat().st_mode & 0o007:
            raise StateFileUnusable(f"{file} can be used by everybody on this machine: chmod o-rwx it.")
        with file.open("rb") as made:
            data = made.read(most + 1)  # never more, whatever the file turns out to be
    except OSError as error:
        raise StateFileUnusable(
            f"state.dir: {file} cannot be used: {error.strerror or error}. Set state.dir to a directory that can be written."
        ) from None
    if len(data) > most:
        raise StateFileUnusable(f"{file} is damaged: it is too long. Restore it.")
    return data


def _write(file: Path, data: bytes) -> None:
    new = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink()

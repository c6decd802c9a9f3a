"""The secret under which keys are hashed: made once, kept in the state directory, never shown.

It can be replaced (`rotate`): those before it stay in a file beside it, and keys that are known under them are still accepted.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_BYTES = 32
PREVIOUS = 4
"""So many peppers before the current one still count."""


class StateUnusable(Exception):
    """The state directory cannot be used; the message says why and what to do."""


def load_pepper(state: Path) -> bytes:
    """The pepper, made if there is none yet (mode 0600). Raises StateUnusable."""
    file = state / "pepper"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not file.exists():
            _make(file)
        pepper = _read(file, _BYTES)
    except OSError as error:
        raise StateUnusable(
            f"state.dir {state}: {error.strerror or error}. Set state.dir to a directory that can be written."
        ) from None
    if len(pepper) != _BYTES:
        raise StateUnusable(f"{file} is damaged: it must hold {_BYTES} bytes. Without it no key_hash can be checked; restore it.")
    return pepper


def load_peppers(state: Path) -> tuple[bytes, ...]:
    """The pepper, made if there is none yet, and those before it, the newest first. Raises StateUnusable."""
    pepper = load_pepper(state)
    file = state / "pepper.previous"
    try:
        kept = _read(file, PREVIOUS * _BYTES) if file.exists() else b""
    except OSError as error:
        raise StateUnusable(f"{file}: {error.strerror or error}. Make it readable.") from None
    if len(kept) % _BYTES or len(kept) > PREVIOUS * _BYTES:
        raise StateUnusable(f"{file} is damaged: it must hold {_BYTES} bytes for each pepper. Restore it, or remove it.")
    older = [kept[at : at + _BYTES] for at in range(0, len(kept), _BYTES)]
    return (pepper, *(one for one in older if one != pepper))


def rotate_pepper(state: Path) -> None:
    """A new pepper, before which the current one still counts. A crash in between loses none. Raises StateUnusable.

    Processes that run take it over when they are started again.
    """
    peppers = load_peppers(state)
    try:
        _replace(state / "pepper.previous", b"".join(peppers[:PREVIOUS]))
        _replace(state / "pepper", secrets.token_bytes(_BYTES))
    except OSError as error:
        raise StateUnusable(
            f"state.dir {state}: {error.strerror or error}. Set state.dir to a directory that can be written."
        ) from None


def _read(file: Path, most: int) -> bytes:
    """One byte more than there may be, and never more than that, whatever the file turns out to be."""
    with file.open("rb") as made:
        return made.read(most + 1)


def _replace(file: Path, content: bytes) -> None:
    new = _written(file, content)
    try:
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _make(file: Path) -> None:
    """Whole or not at all: of two processes that start at once one makes it, and a crash leaves none that is half written."""
    new = _written(file, secrets.token_bytes(_BYTES))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink()


def _written(beside: Path, content: bytes) -> Path:
    """A new file with this content, safe on disk, that only we can read."""
    new = beside.with_name(f"pepper.{secrets.token_hex(8)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(fd)
    except BaseException:
        new.unlink()
        raise
    return new

"""Where the data lies: in the package, in the state directory when `models update` put newer data there, or where the
configuration says.
"""

from __future__ import annotations

import os
import secrets
from importlib.resources import files
from pathlib import Path

from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import LARGEST, Book, Unusable, checked, read

FILE = "models.json"


def built_in() -> Book:
    """What came with this version."""
    return read((files("llm_gateway.catalogue") / "data" / FILE).read_bytes())


def read_file(path: Path) -> Book:
    """A file from outside, checked to the last entry. Raises Unusable."""
    return checked(read(_bytes(path)))


class Chosen:
    """Which data is used. A call gives it; `problem` says why the state directory's was passed over, if it was."""

    def __init__(self, state: Path, named: Path | None = None) -> None:
        """`named`: a file to use whatever its age. It and the state directory's are read at once, so that what is wrong with
        them shows now; what came with the package is read when it is needed. Raises Unusable for `named`.
        """
        self.problem = ""
        self._book: Book | None = None
        if named is not None:
            self._book = _told(named)
            return
        updated = state / FILE
        if not updated.exists():
            return
        try:
            book = _told(updated)
        except Unusable as error:
            self.problem = str(error)
            return
        if book.date > built_in().date:
            self._book = book

    def __call__(self) -> Data:
        return Data(self._book if self._book is not None else built_in())


def install(path: Path, state: Path) -> tuple[Book, Book]:
    """Take a file's data into the state directory, whole or not at all. What was used before and what is used from now on.

    Raises Unusable for data that is wrong or not newer, OSError for a directory that cannot be written.
    """
    data = _bytes(path)
    new = checked(read(data))
    before = Chosen(state)().book
    if new.date <= before.date:
        raise Unusable(f"is of {new.date}, not newer than what is used now ({before.date})")
    state.mkdir(parents=True, exist_ok=True, mode=0o750)
    half = state / f"{FILE}.{secrets.token_hex(8)}"
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(fd)
        half.replace(state / FILE)
    finally:
        half.unlink(missing_ok=True)
    return before, new


def _told(path: Path) -> Book:
    try:
        return read_file(path)
    except Unusable as error:
        raise Unusable(f"{path} {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}") from None

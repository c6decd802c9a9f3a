"""Where records lie: files of the state directory, one for each tenant and hour, each line sealed by itself.

    content/<tenant>/2026-11-23T19-000.sealed

An hour that is too old goes as a whole, by one unlink; so does a tenant. Nothing of it is in the database, nor in its backups.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from calendar import timegm
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from llm_gateway.config.schema.base import NAME
from llm_gateway.credentials.ring import Ring, Unsealable

FOLDER = "content"
HOUR = 3600
LARGEST = 16 << 20
"""Bytes of a file; then the hour's next one begins."""
_NAME = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2})-(\d{3,6})\.sealed")


class File(NamedTuple):
    """One of them."""

    path: Path
    tenant: str
    hour: int
    """Unix seconds of its beginning."""
    number: int
    size: int


class ContentFiles:
    """`state`: the state directory. Every method but the constructor works on the disk: call it in a thread."""

    def __init__(self, state: Path, ring: Ring) -> None:
        self._folder = state / FOLDER
        self._ring = ring

    def append(self, tenant: str, at: float, records: list[bytes]) -> int:
        """Write records of one hour; how many bytes that took. Raises OSError."""
        folder = self._of(tenant)
        hour = int(at) // HOUR * HOUR
        lines = b"".join(b64encode(self._ring.seal(record, _row(tenant, hour))) + b"\n" for record in records)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        there = [file for file in self._in(folder) if file.hour == hour]
        number = there[-1].number + (there[-1].size >= LARGEST) if there else 0
        path = folder / f"{time.strftime('%Y-%m-%dT%H', time.gmtime(hour))}-{number:03d}.sealed"
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(fd, "ab") as out:
            out.write(b"\n" + lines)  # behind a line that a crash left without its end
        return len(lines)

    def newest(self, tenant: str, since: float, until: float) -> Iterator[tuple[bytes | None, int]]:
        """Records of the hours between, the newest first, and the bytes that each took. None: one that does not open."""
        for file in reversed(list(self._in(self._of(tenant)))):
            if file.hour + HOUR <= since or file.hour >= until:
                continue
            try:
                lines = file.path.read_bytes().splitlines()
            except FileNotFoundError:
                continue  # too old by now
            for line in filter(None, reversed(lines)):
                try:
                    yield self._ring.open(b64decode(line, validate=True), _row(tenant, file.hour)), len(line)
                except (Unsealable, NotBase64, ValueError):
                    yield None, len(line)

    def sweep(self, oldest: float, most: int, tenants: frozenset[str] | None) -> int:
        """Delete what is older, what is not of these tenants (None: of any), and the oldest of what is more than `most` bytes.

        Gives how many bytes are left. Raises OSError.
        """
        for folder in self._folders():
            if tenants is not None and folder.name not in tenants:
                shutil.rmtree(folder, ignore_errors=True)
        every = [file for folder in self._folders() for file in self._in(folder)]
        every.sort(key=lambda file: (file.hour, file.number))
        left = sum(file.size for file in every)
        for file in every:
            if file.hour + HOUR > oldest and left <= most:
                break
            file.path.unlink(missing_ok=True)
            left -= file.size
        for folder in self._folders():
            with suppress(OSError):  # it holds something
                folder.rmdir()
        return left

    def forget(self, tenant: str) -> bool:
        """Delete all there is of a tenant; whether there was anything. Raises OSError."""
        folder = self._of(tenant)
        if not folder.is_dir():
            return False
        shutil.rmtree(folder)
        return True

    def _of(self, tenant: str) -> Path:
        if not NAME.fullmatch(tenant):  # begins with a letter or digit: never `..`
            raise ValueError("no name of a tenant")
        return self._folder / tenant

    def _folders(self) -> list[Path]:
        try:
            return [entry for entry in self._folder.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return []

    def _in(self, folder: Path) -> Iterator[File]:
        """In the order of their times."""
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except FileNotFoundError:
            return
        found = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is not None:
                year, month, day, hour, number = map(int, match.groups())
                with suppress(FileNotFoundError):
                    path = folder / name
                    at = timegm((year, month, day, hour, 0, 0))
                    found.append(File(path, folder.name, at, number, path.stat().st_size))
        yield from sorted(found, key=lambda file: (file.hour, file.number))


def _row(tenant: str, hour: int) -> str:
    return f"content/{tenant}/{hour}"

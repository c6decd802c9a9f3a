"""The audit log's folder: files of lines, the newest plain, older ones compressed, and the head that says where they end.

    audit-000000000001.jsonl.gz   entries 1 and following
    audit-000000004711.jsonl      entries 4711 and following; written to
    head.json                     signed: the point before the oldest entry, and the newest one
    torn-4720                     half a line that a crash left behind; kept, and no part of the log

Everything here waits for the disk: it runs in a thread of its own (audit_log.py), or in a command.
"""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from llm_gateway.config.schema import Audit
from llm_gateway.control.audit import (
    Broken,
    Entry,
    Head,
    Point,
    Seals,
    Unreadable,
    Verdict,
    genesis,
    good_head,
    signed_head,
    verify,
)
from llm_gateway.control.audit_lines import LONGEST_LINE, NotALine, entry_of, head_line, head_of, line_of

_HEAD = "head.json"
_PLAIN, _PACKED = ".jsonl", ".jsonl.gz"
_DAY = 86_400.0


class Opened(msgspec.Struct, frozen=True):
    """Where the log goes on, and what was found to be wrong when it was opened: texts for the log and for an entry."""

    at: Point
    found: tuple[str, ...] = ()


class AuditFiles:
    """One folder. Only one process writes to it."""

    def __init__(self, folder: Path, rules: Audit, seals: Seals, install_id: str) -> None:
        self.folder = folder
        self._rules = rules
        self._seals = seals
        self.genesis = genesis(install_id)
        self._first = self.genesis
        self._out: BinaryIO | None = None
        self._path = folder
        self._size = 0
        self._began = 0
        """Unix milliseconds of the first entry in the file that is written to."""

    def open(self, beginning: Point | None = None) -> Opened:
        """Make ready to append. `beginning`: where to go on if the folder is empty (what the store has). Raises OSError."""
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        found: list[str] = []
        self._finish_packing()
        head, text = self._read_head()
        if text:
            found.append(text)
        last = self._recover(found)
        if head is not None:
            self._first = head.first
        at = last or (head.last if head is not None else beginning or self.genesis)
        if head is not None and head.last.seq > at.seq:
            found.append(f"entries {at.seq + 1} to {head.last.seq} are gone from the audit log's files")
            at = head.last
        if head is None:
            before = next(self._entries(self._files()), None) if last else None
            self._first = Point(before.seq - 1, before.prev_hash) if isinstance(before, Entry) else at
            if last is not None and not text:
                found.append("the audit log's head was gone: entries at its end may be missing")
        self._write_head(at)
        return Opened(at, tuple(found))

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries and have them on the disk. Raises OSError; then none of them is there."""
        self._rotate(entries[0])
        out = self._out or self._start(entries[0])
        data = b"".join(line_of(entry) for entry in entries)
        try:
            _write_all(out, data)
            os.fsync(out.fileno())
            self._write_head(Point(entries[-1].seq, entries[-1].hash))
        except OSError:
            with suppress(OSError):
                out.truncate(self._size)
                out.seek(self._size)
            raise
        self._size += len(data)

    def prune(self, now: float) -> int:
        """Delete closed files that are too old, the anchor moving on first; how many. `now`: Unix seconds. Raises OSError."""
        if not self._rules.keep_days:
            return 0
        gone = 0
        for file, following in pairwise(self._files()):
            if file.stat().st_mtime > now - self._rules.keep_days * _DAY:
                break
            entry = next(self._entries([following]), None)
            if not isinstance(entry, Entry):
                break
            head, _ = self._read_head()
            self._first = Point(entry.seq - 1, entry.prev_hash)
            self._write_head(head.last if head is not None else Point(entry.seq, entry.hash))
            file.unlink()
            gone += 1
        return gone

    def read(self, after: int = 0) -> Iterator[Entry | Unreadable]:
        """Entries behind number `after`, the oldest first."""
        files = self._files()
        later = [index for index, file in enumerate(files) if _number(file) <= after + 1]
        for one in self._entries(files[later[-1] if later else 0 :]):
            if isinstance(one, Unreadable) or one.seq > after:
                yield one

    def last(self, count: int) -> list[Entry]:
        """The newest entries, the oldest of them first."""
        kept: list[Entry] = []
        for file in reversed(self._files()):
            missing = count - len(kept)
            kept = [*deque((one for one in self._entries([file]) if isinstance(one, Entry)), maxlen=missing), *kept]
            if len(kept) >= count:
                break
        return kept

    def check(self) -> Verdict:
        """Whether everything here is whole. Nothing is changed, and a gateway may be writing meanwhile."""
        before = self._read_head()
        verdict = self._check(*before)
        if verdict.broken is not None and self._read_head() != before:
            return self._check(*self._read_head())  # old files were deleted while they were being read
        return verdict

    def _check(self, head: Head | None, text: str) -> Verdict:
        if text:
            return Verdict(0, 0, Broken(0, "forged", text))
        if head is None:
            there = self._files()
            first = next(self._entries(there), None)
            verdict = verify(self._entries(there), self._seals, self.genesis, None)
            if first is None or verdict.broken is not None:
                return verdict
            return Verdict(verdict.count, verdict.last, Broken(verdict.last + 1, "truncated", f"{_HEAD} is gone"))
        return verify(self._entries(self._files()), self._seals, head.first, head.last)

    def head(self) -> Head | None:
        """Where the entries begin and end, if the head is there and ours."""
        return self._read_head()[0]

    def close(self) -> None:
        out, self._out = self._out, None
        if out is not None:
            out.close()

    def _files(self) -> list[Path]:
        """In order; a file that is packed already counts once."""
        names = {path.name for path in self.folder.glob("audit-*.jsonl*")}
        return [
            self.folder / name
            for name in sorted(names)
            if name.endswith(_PACKED) or (name.endswith(_PLAIN) and name + ".gz" not in names)
        ]

    def _entries(self, files: Sequence[Path]) -> Iterator[Entry | Unreadable]:
        for file in files:
            try:
                yield from _lines(file if file.exists() else file.with_name(file.name + ".gz"))  # it was packed meanwhile
            except (OSError, EOFError, zlib.error):
                yield Unreadable(f"the rest of {file.name}")

    def _start(self, first: Entry) -> BinaryIO:
        self._path = self.folder / f"audit-{first.seq:012d}{_PLAIN}"
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        self._out = out = cast("BinaryIO", os.fdopen(fd, "ab", buffering=0))
        self._size, self._began = os.fstat(fd).st_size, first.at
        return out

    def _rotate(self, coming: Entry) -> None:
        too_old = coming.at - self._began > self._rules.file_age * 1000
        if self._out is not None and self._size and (self._size >= self._rules.file_size or too_old):
            self.close()
            with suppress(OSError):  # a full disk: it is packed at the next start
                _pack(self._path)

    def _finish_packing(self) -> None:
        """A crash may have come between packing a file and deleting it, or in the middle of packing."""
        for unfinished in self.folder.glob("*.packing"):
            unfinished.unlink()
        for packed in self.folder.glob(f"audit-*{_PACKED}"):
            packed.with_name(packed.name.removesuffix(".gz")).unlink(missing_ok=True)
        for file in self._files()[:-1]:
            if file.name.endswith(_PLAIN):
                _pack(file)

    def _recover(self, found: list[str]) -> Point | None:
        """Go on with the newest plain file. The last entry there is; None: there is none."""
        files = self._files()
        if not files:
            return None
        newest = files[-1]
        if newest.name.endswith(_PLAIN):
            self._cut_tail(newest, found)
            entries = [one for one in self._entries([newest]) if isinstance(one, Entry)]
            if not entries:
                newest.rename(newest.with_name(f"torn-{_number(newest)}-file"))
                return self._recover(found)
            self._start(entries[0])
            return Point(entries[-1].seq, entries[-1].hash)
        last = [one for one in self._entries([newest]) if isinstance(one, Entry)]
        return Point(last[-1].seq, last[-1].hash) if last else None

    def _cut_tail(self, file: Path, found: list[str]) -> None:
        """Half a line at the end was never told to anybody: it is put aside."""
        with file.open("r+b") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(size - LONGEST_LINE, 0))
            tail = opened.read(LONGEST_LINE)
            torn = tail[tail.rfind(b"\n") + 1 :]
            if torn:
                (file.parent / f"torn-{_number(file)}-{size}").write_bytes(torn)
                opened.truncate(size - len(torn))
                found.append(f"the audit log ended in {len(torn)} bytes of an entry that was never finished: put aside")

    def _read_head(self) -> tuple[Head | None, str]:
        """The head, if there is one and it is ours, and what is wrong with it."""
        try:
            data = (self.folder / _HEAD).read_bytes()[:LONGEST_LINE]
        except FileNotFoundError:
            return None, ""
        try:
            head, signature = head_of(data)
        except NotALine:
            return None, f"the audit log's {_HEAD} is damaged"
        if not self._seals.knows(signature):
            return None, f"the audit log's {_HEAD} was signed with a master key that is not here"
        if not good_head(head, signature, self._seals):
            return None, f"the audit log's {_HEAD} has a signature that the gateway never made"
        return head, ""

    def _write_head(self, last: Point) -> None:
        head = Head(self._first, last)
        new = self.folder / f"{_HEAD}.new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(fd, "wb") as out:
            out.write(head_line(head, signed_head(head, self._seals)))
            out.flush()
            os.fsync(fd)
        new.replace(self.folder / _HEAD)


def _lines(file: Path) -> Iterator[Entry | Unreadable]:
    packed = file.name.endswith(".gz")
    with gzip.open(file, "rb") if packed else file.open("rb") as opened:
        number = 0
        while line := opened.readline(LONGEST_LINE):
            number += 1
            if not packed and not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                return  # it is being written, or never was: nobody was told that it is there
            try:
                yield entry_of(line)
            except NotALine:
                yield Unreadable(f"line {number} of {file.name}")


def _pack(file: Path) -> None:
    """Compress a file that is closed; a crash at any point leaves one of the two whole."""
    working = file.with_name(file.name + ".packing")
    with file.open("rb") as plain, working.open("wb") as raw:
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        raw.flush()
        os.fsync(raw.fileno())
    working.replace(file.with_name(file.name + ".gz"))
    file.unlink()


def _write_all(out: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _number(file: Path) -> int:
    return int(file.name.removeprefix("audit-").split(".")[0])

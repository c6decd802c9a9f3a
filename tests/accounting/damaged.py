"""Logs that something happened to."""

from __future__ import annotations

from pathlib import Path

from accounting_support import CLOCK
from llm_gateway.accounting.scan import Batch, Scanner
from llm_gateway.accounting.segment import FRAME, HEADER_BYTES, Header, check_of, name_of

RUN = bytes(range(16))
SIZE = 1 << 16


def framed(payload: bytes) -> bytes:
    return FRAME.pack(len(payload), check_of(payload)) + payload


def segment(directory: Path, payloads: list[bytes], number: int = 1, *, tail: bytes = b"", run: bytes = RUN) -> Path:
    """As a process that was killed leaves it: no seal, and zeros to the end."""
    directory.mkdir(exist_ok=True)
    data = Header(0, number, run, int(CLOCK.now() * 1000)).packed() + b"".join(map(framed, payloads)) + tail
    path = directory / name_of(number)
    path.write_bytes(data.ljust(SIZE, b"\0"))
    return path


def offsets(payloads: list[bytes]) -> list[int]:
    """Where each frame begins, and where the last one ends."""
    found = [HEADER_BYTES]
    for payload in payloads:
        found.append(found[-1] + FRAME.size + len(payload))
    return found


def read_all(directory: Path, most: int = 4096) -> Batch:
    """All batches as one."""
    scanner = Scanner(directory)
    batch = scanner.read(most)
    frames, damages = list(batch.frames), list(batch.damages)
    while not batch.ended:
        batch = scanner.read(most)
        assert batch.frames or batch.damages or batch.ended, "no progress"
        frames += batch.frames
        damages += batch.damages
    return batch._replace(frames=frames, damages=damages)

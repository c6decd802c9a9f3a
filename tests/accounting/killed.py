"""Writers of a log, each killed at a random moment, and what is found of what they reported. Run by test_wal.py."""

from __future__ import annotations

import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

from llm_gateway.accounting.scan import Scanner
from llm_gateway.accounting.wal import Settings, Wal

_COUNT = struct.Struct("<Q")


def write(directory: Path, run: int, pipe: int) -> None:
    """Until it is killed. Each record is reported only after it was written."""
    draw = random.Random(run)
    wal = Wal(directory, 0, time.time, Settings(1 << 20))
    number = 0
    while True:
        payload = b"%d %d " % (run, number) + b"x" * draw.randrange(3000)
        if wal.append(payload) < 0:  # faster than the disk gives segments
            time.sleep(0.001)
            continue
        number += 1
        os.write(pipe, _COUNT.pack(number))


def kill_one(directory: Path, run: int) -> int:
    """How many records it had reported."""
    into, out = os.pipe()
    child = os.fork()
    if not child:
        os.close(into)
        try:
            write(directory, run, out)
        finally:
            os._exit(1)
    os.close(out)
    first = os.read(into, _COUNT.size)
    time.sleep(random.Random(run).random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    reported = first
    while piece := os.read(into, 1 << 16):
        reported = (reported + piece)[-64:]
    os.close(into)
    return int(_COUNT.unpack(reported[-_COUNT.size :])[0])


def main() -> None:
    directory, runs = Path(sys.argv[1]), int(sys.argv[2])
    scanner = Scanner(directory)
    total = 0
    for run in range(runs):
        reported = kill_one(directory, run)
        found: list[tuple[int, int]] = []
        while True:
            batch = scanner.read(100)
            found += [tuple(map(int, frame.payload.split(b" ")[:2])) for frame in batch.frames]  # type: ignore[misc]
            if not batch.frames:
                break
        assert batch.ended, "a dead run was taken to be alive"
        assert [number for owner, number in found if owner == run] == list(range(len(found))), "out of order, or of another run"
        assert reported <= len(found) <= reported + 1, f"run {run} reported {reported}, there are {len(found)}"
        total += len(found)
        for path in directory.glob("*.wal"):
            if int(path.stem) < scanner.position.segment - 3:
                path.unlink()
    print(runs, "killed;", total, "records")


main()

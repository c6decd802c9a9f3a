"""kill -9 of the process that writes the audit log."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from control.audit_support import files

TESTS = Path(__file__).parent.parent
WRITER = """
import sys
from pathlib import Path
from control.audit_support import chained, end, files
made = files(Path(sys.argv[1]), file_size=4000)
at = made.open().at
while True:
    entries = chained(3, behind=at)
    made.append(entries)
    at = end(entries)
    print(at.seq, flush=True)
"""


def test_what_was_written_survives(tmp_path: Path) -> None:
    """At any moment, rotation and packing among them: every entry that was told to be there is, and the chain is whole."""
    draw = random.Random(5)
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(TESTS)}, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(draw.randrange(1, 40))]
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.readlines()
        last = max(int(line) for line in told if line.endswith("\n"))
        verdict = files(tmp_path).check()
        assert verdict.broken is None
        assert verdict.last >= last

"""Looks at processes of this machine, for tests that end some."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> list[int]:
    """Direct children of a process that are running."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        state = _stat(int(folder.name))
        if state is not None and state[1] == pid:
            found.append(int(folder.name))
    return found


def running(pid: int) -> bool:
    """False once it has ended, even if nobody has asked for its status yet."""
    state = _stat(pid)
    return state is not None and state[0] != "Z"


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])

#!/usr/bin/env python3
"""Writes the dashboards that Grafana reads from their description in scripts/boards/.

python scripts/dashboards.py            write deployment/monitoring/grafana/dashboards/*.json
python scripts/dashboards.py --check    change nothing; end with 1 and the names of files that are out of date
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from boards import cost, infrastructure, latency, overview, providers, redis  # noqa: E402 - they stand beside this file
from boards.panel import Board, document  # noqa: E402

FOLDER = HERE.parent / "deployment" / "monitoring" / "grafana" / "dashboards"
BOARDS: Sequence[Board] = tuple(module.BOARD for module in (overview, providers, cost, latency, infrastructure, redis))


def rendered() -> Mapping[str, bytes]:
    """By file name, what belongs into it."""
    return {
        f"{board.uid.removeprefix('llm-gateway-')}.json": msgspec.json.format(msgspec.json.encode(document(board)), indent=1)
        + b"\n"
        for board in BOARDS
    }


def stale(folder: Path) -> list[str]:
    """Names of files that differ from what they should be, or should not be there."""
    wanted = rendered()
    there = {file.name: file.read_bytes() for file in folder.glob("*.json")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    names = stale(folder)
    if "--check" in arguments:
        if names:
            print("out of date, run scripts/dashboards.py: " + ", ".join(names))
        return bool(names)
    wanted = rendered()
    for name in names:
        if name in wanted:
            (folder / name).write_bytes(wanted[name])
        else:
            (folder / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A simulator in a process of its own, so that its work is not the test's; at its end it writes down what it was asked."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from llm_gateway.simulator import Seen, SimulatorOptions, running_simulator

ASKED = re.compile(rb"key=(\w+) number=(\d+) \[tokens=(\d+)\]")
"""What a prompt must say to be recognised here: see `prompt`."""


class Served(NamedTuple):
    """One request that reached the provider. `whole`: it was answered to the end."""

    key: str
    number: int
    tokens: int
    whole: bool
    sent: int


def prompt(key: str, number: int, tokens: int) -> str:
    """Of the same length for all numbers, so that all have the same number of tokens."""
    return f"key={key} number={number:08d} [tokens={tokens}]"


class SimulatorProcess:
    """`served` is there when it has ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.served: list[Served] = []


@contextlib.contextmanager
def simulator_process(folder: Path, tokens_per_second: float | None) -> Iterator[SimulatorProcess]:
    """Runs for the length of the block."""
    file = folder / "served.jsonl"
    process = subprocess.Popen(
        [sys.executable, __file__, str(file), str(tokens_per_second or "")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    made = SimulatorProcess(process.stdout.readline().strip())
    try:
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()
        if file.exists():
            made.served = [msgspec.json.decode(line, type=Served) for line in file.read_bytes().splitlines()]


def _served(seen: Seen) -> Served | None:
    asked = ASKED.search(seen.body)
    if asked is None:
        return None
    return Served(asked[1].decode(), int(asked[2]), int(asked[3]), seen.done is not None and seen.client_gone is None, seen.sent)


def main() -> None:
    """FILE [TOKENS_PER_SECOND]: serve until SIGTERM, then write."""
    file, pace = sys.argv[1], float(sys.argv[2]) if sys.argv[2] else None
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    options = SimulatorOptions(tokens_per_second=pace, log_size=2_000_000, log_body_bytes=1024)
    with running_simulator(options) as simulator:
        print(simulator.url, flush=True)
        signal.sigwait({signal.SIGTERM})
        served = [one for seen in simulator.requests if (one := _served(seen)) is not None]
    Path(file).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in served))


if __name__ == "__main__":
    main()

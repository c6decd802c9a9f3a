"""The simulator as a child of the gateway: prints one JSON line with its URL, and ends when its standard input closes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

import msgspec

from llm_gateway.simulator.options import SimulatorOptions
from llm_gateway.simulator.running import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llm_gateway.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens-per-second", type=float)
    args = parser.parse_args()

    def announce(url: str) -> None:
        sys.stdout.write(msgspec.json.encode({"url": url}).decode() + "\n")
        sys.stdout.flush()

    threading.Thread(target=_end_with_input, daemon=True).start()
    serve(SimulatorOptions(seed=args.seed, tokens_per_second=args.tokens_per_second), args.port, announce)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

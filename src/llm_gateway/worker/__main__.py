"""`python -m llm_gateway.worker`: how the supervisor starts a worker again."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from llm_gateway.worker.process import main


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def begin() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description="A worker of llm-gateway. Started by llm-gateway serve.")
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--leash", type=int, required=True, help="descriptor of the socket to the supervisor")
    parser.add_argument("--listen", type=_numbers, required=True, help="descriptors of listening sockets")
    given = parser.parse_args()
    leash, sockets = socket.socket(fileno=given.leash), [socket.socket(fileno=fd) for fd in given.listen]
    environ = dict(os.environ)  # noqa: TID251 - where this process begins
    return main(leash, given.slot, sockets, environ, None)


if __name__ == "__main__":
    sys.exit(begin())

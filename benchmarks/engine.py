#!/usr/bin/env python3
"""The gateway's HTTP server and client with nothing between them: what any gateway on this engine costs at least.

    engine.py PORT UPSTREAM_PORT     forwards every request to 127.0.0.1:UPSTREAM_PORT as it is; ends with SIGTERM

No key, no model, no limits, no ledger, no metrics, no log: not a product, but the floor that the other figures stand on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import uvloop

from llm_gateway.core.heap import settle
from llm_gateway.http.client import Client, Origin, Timeouts
from llm_gateway.http.request import Request
from llm_gateway.http.server import Server, ServerLimits

HEADERS = b"Content-Type: application/json\r\nAuthorization: Bearer sk-upstream\r\n"


async def main(port: int, upstream: int) -> None:
    client, timeouts = Client(), Timeouts()
    origin, _ = Origin.parse(f"http://127.0.0.1:{upstream}")

    async def forward(request: Request) -> None:
        response = await client.send(origin, b"POST", request.path, HEADERS, request.body, timeouts)
        body = await response.read()
        response.close()
        request.reply.whole(200, b"Content-Type: application/json\r\n", body)

    await Server(forward, ServerLimits()).start("127.0.0.1", port)
    settle()
    print(json.dumps({"pids": {"workers": [os.getpid()], "control": None}}, indent=2), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))

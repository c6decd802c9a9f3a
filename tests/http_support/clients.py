"""A client that is closed after use, and exchanges with it, for the tests of the client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from llm_gateway.http.client import Client, ClientLimits, Origin, Timeouts
from llm_gateway.http.errors import HttpError
from scripted_upstream import Upstream

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
QUICK = Timeouts(connect=1.0, head=0.15, idle=0.15, pool=0.15)
SHORT = 5.0  # what a 0.15 s deadline may take on a busy machine; without it these tests would hang


@asynccontextmanager
async def client_of(limits: ClientLimits | None = None, **options):
    client = Client(limits or ClientLimits(), **options)
    try:
        yield client
    finally:
        await client.close()


async def get(client: Client, upstream: Upstream, timeouts: Timeouts | None = None, body: bytes = b"{}", method: bytes = b"POST"):
    origin, _ = Origin.parse(upstream.url)
    return await client.send(origin, method, b"/v1/x", b"A: b\r\n", body, timeouts or Timeouts())


async def fails(error: type[HttpError], awaitable, within: float = SHORT) -> HttpError:
    """The error the awaitable ends with, which must come in time."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(error) as caught:
        await awaitable
    assert loop.time() - begun < within
    return caught.value


async def whole(client, upstream, timeouts=None) -> bytes:
    return await (await get(client, upstream, timeouts)).read()

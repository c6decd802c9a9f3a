"""Happy eyeballs (RFC 8305): the first of several addresses that answers, without waiting long for the dead ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from llm_gateway.http.resolver import Address

STAGGER = 0.25
"""Seconds one attempt is ahead of the next (RFC 8305 section 5)."""


async def connect(addresses: Sequence[Address], stagger: float = STAGGER) -> socket.socket:
    """A connected, non-blocking socket. Raises the last attempt's OSError when every address failed."""
    loop = asyncio.get_running_loop()
    waiting = list(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    failure = OSError("no address")
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_attempt(waiting.pop(0))))
            done, running = await asyncio.wait(running, timeout=stagger if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    running |= done - {task}
                    return task.result()
                if not isinstance(error, OSError):
                    raise error
                failure = error
        raise failure
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_discard)


async def _attempt(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a long silent generation must survive NAT
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _discard(task: asyncio.Task[socket.socket]) -> None:
    """Close what a loser of the race may still have got."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()

"""Two ends of a channel in one loop."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

from llm_gateway.channel.peer import Handlers, Peer


@asynccontextmanager
async def pair(one: Handlers | None = None, other: Handlers | None = None):
    """Both ends, closed at the end."""
    ours, theirs = socket.socketpair()
    peers = await Peer.over(ours, one or Handlers()), await Peer.over(theirs, other or Handlers())
    try:
        yield peers
    finally:
        for peer in peers:
            peer.close()
        await asyncio.gather(*(peer.gone.wait() for peer in peers))

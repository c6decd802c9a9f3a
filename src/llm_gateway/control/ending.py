"""How a connection at the operators' port ends: no answer is lost on its way, and nobody keeps one for ever.

Closed at once, a connection on which something was still coming is reset, and the caller never sees why he was refused. Closed
as asyncio does it, one whose answer nobody reads stays for as long as the other side likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Ending:
    """A transport as uvicorn sees it: `close` and `is_closing` are its own, all else is the transport's."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        unfinished: Callable[[], bool],
        *,
        linger: float,
        stall: float,
    ) -> None:
        """`unfinished`: whether some of a request is still to come. `linger`: seconds for which that is read, and dropped, behind
        the answer. `stall`: seconds after which an answer of which nothing was read is given up.
        """
        self._transport = transport
        self._loop = loop
        self._unfinished = unfinished
        self._linger = linger
        self._stall = stall
        self._timer: asyncio.TimerHandle | None = None
        self._unread = 0
        """Bytes of the answer that were not taken when it was last looked at."""
        self.lingering = False
        """Whether it is answered, and only what is still to come is waited for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """As soon as what was written is sent; where something is still to come, when that has come, or too late."""
        if self.is_closing() or not self._unfinished():
            self.cut()
            return
        self.lingering = True
        self._transport.resume_reading()
        self._transport.write_eof()  # behind the answer
        self.watch()

    def cut(self) -> None:
        """As soon as what was written is sent, whatever is still to come."""
        self._transport.close()
        self.watch()

    def watch(self) -> None:
        """From now on somebody has to read what was written."""
        if self._timer is None:
            self._unread = self._transport.get_write_buffer_size()
            self._timer = self._loop.call_later(self._stall if self._unread else self._linger, self._look)

    def read(self) -> None:
        """Most of it was read."""
        self.lost()
        if self.is_closing():
            self.watch()

    def lost(self) -> None:
        """There is nothing to look at any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if 0 < self._transport.get_write_buffer_size() < self._unread:
            self.watch()
        else:
            self._transport.abort()

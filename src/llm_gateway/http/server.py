"""The HTTP/1.1 server: listening, the shared state of its connections, deadlines, draining."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.core.within import within
from llm_gateway.http.headers import StatusLines
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import RenderRefusal, render_refusal
from llm_gateway.http.request import Request
from llm_gateway.http.server_connection import ServerConnection
from llm_gateway.http.server_state import Handler, OnError, ServerState
from llm_gateway.http.tls import ServerTls, TlsFiles

__all__ = ["Handler", "Request", "Server", "ServerLimits", "TlsFiles"]

BACKLOG = 2048
"""Connections that may wait to be accepted."""
_LAST_WORDS = 1.0  # seconds a cancelled handler has to write its error event before the connection is cut


class Server:
    """Serves one address. Create and use it inside a running event loop.

    Each request becomes one task running `handler(request)`, which answers through `request.reply`. The task is cancelled
    with the message "client gone" when the client leaves before the answer is complete, and "drain" when the grace of
    `drain` is over. A handler that raises, or returns without answering, gets a bare 500 and `on_error` is told.
    `render_refusal(status, code, message, path)` gives header lines and body of what the engine itself refuses.
    `always`: header lines of every answer.
    """

    def __init__(
        self,
        handler: Handler,
        limits: ServerLimits,
        *,
        on_error: OnError | None = None,
        tls: TlsFiles | None = None,
        render_refusal: RenderRefusal = render_refusal,
        clock: Clock | None = None,
        always: bytes = b"",
    ) -> None:
        loop = asyncio.get_running_loop()
        lines = StatusLines(clock or SystemClock(), always)
        self._state = ServerState(handler, limits, lines, on_error or self._report, render_refusal, loop)
        self._loop = loop
        self._tls = ServerTls(tls) if tls else None
        self._listeners: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._interval = limits.sweep_interval()
        self.port = 0

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._state.members)

    @property
    def active(self) -> int:
        """Handlers running."""
        return self._state.active

    @property
    def buffered(self) -> int:
        """Bytes of request bodies held."""
        return self._state.buffered

    @property
    def draining(self) -> bool:
        return self._state.draining

    async def start(self, host: str, port: int, *, reuse_port: bool = False, backlog: int = BACKLOG) -> None:
        """Listen. Port 0 takes a free one; `port` says which. Raises OSError."""
        listener = await self._loop.create_server(
            self._connection, host, port, backlog=backlog, reuse_port=reuse_port or None, **self._secured()
        )
        self._listeners = [listener]
        self.port = listener.sockets[0].getsockname()[1]
        self._sweep()

    async def start_on(self, sockets: Sequence[socket.socket], *, backlog: int = BACKLOG) -> None:
        """Accept on sockets that are bound, and may have connections waiting. They are closed at the end."""
        self.port = sockets[0].getsockname()[1]
        for sock in sockets:
            listener = await self._loop.create_server(self._connection, sock=sock, backlog=backlog, **self._secured())
            self._listeners.append(listener)
        self._sweep()

    def _connection(self) -> ServerConnection:
        return ServerConnection(self._state)

    def _secured(self) -> dict[str, Any]:
        if self._tls is None:
            return {}
        return {"ssl": self._tls.listener, "ssl_handshake_timeout": self._state.limits.head_timeout}

    def leave(self) -> None:
        """Before `drain`: go on as before, but have callers look for another server after their next answer."""
        self._state.leaving = True

    async def drain(self, grace: float) -> None:
        """Stop accepting, close idle connections, let running requests finish for up to `grace` seconds, then cancel them,
        and close. Answers that begin meanwhile say Connection: close.
        """
        state = self._state
        state.leaving = state.draining = True
        for listener in self._listeners:
            listener.close()
        for member in tuple(state.members):
            member.retire()
        if not await self._quiet(grace):
            for member in tuple(state.members):
                member.cancel("drain")
            if not await self._quiet(_LAST_WORDS):
                for member in tuple(state.members):
                    member.cut()
                await self._quiet(_LAST_WORDS)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def reload_tls(self) -> None:
        """Read the certificate files again: new handshakes use them, running connections go on. Raises OSError and
        ValueError, and then nothing has changed.
        """
        if self._tls is not None:
            self._tls.reload()

    def _sweep(self) -> None:
        """End what is over time. One look at all connections twice a second costs less than a timer for each request."""
        now = self._loop.time()
        state = self._state
        state.lines.tick()
        state.heads.forget()
        state.idle_until = now + self._interval + state.limits.idle_timeout
        for member in tuple(state.members):
            if member.deadline <= now:
                member.expire(now)
        self._sweeper = self._loop.call_later(self._interval, self._sweep)

    async def _quiet(self, seconds: float) -> bool:
        try:
            await within(self._state.quiet.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _report(self, error: BaseException) -> None:
        self._loop.call_exception_handler({"message": "a request handler failed", "exception": error})

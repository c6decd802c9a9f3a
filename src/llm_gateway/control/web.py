"""Serves the application: on the sockets that the supervisor bound, and for requests that a worker forwards."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_gateway.channel.messages import Web, WebAnswer
from llm_gateway.control.ending import Ending

MOST_AT_ONCE = 256
"""Requests; one more is answered 503."""
REQUEST_SECONDS = 15.0
"""Within which a request must be here as a whole: a connection that never says anything is one of MOST_AT_ONCE."""
MOST_HEAD = 64 << 10
"""Bytes of a request's line and header fields, about: the work that a field makes which comes in pieces grows with its square."""
LINGER_SECONDS = 5.0
"""For which the rest of a request is read, and dropped, that was answered before it was here as a whole: as in the data plane."""
STALL_SECONDS = 15.0
"""After which an answer of which nothing was read is given up: it, too, is one of MOST_AT_ONCE."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_END_SECONDS = 2


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own."""
        yield


class _Protocol(HttpToolsProtocol):
    """Ends connections whose requests do not come, or have heads without an end, and those whose answers nobody reads. uvicorn
    itself ends those only that are idle between two requests.
    """

    seconds = REQUEST_SECONDS
    linger = LINGER_SECONDS
    stall = STALL_SECONDS
    _ending: Ending
    _begun = False
    """Whether a request is here in part."""
    _keep = True
    """Whether its connection may be used again, once it is here as a whole."""
    _late: asyncio.TimerHandle | None = None
    _head = 0
    """Bytes of the request's line and fields so far."""
    _steps = 0
    """How often the parser found something."""
    _unfinished = 0
    """Bytes that came since then."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._ending = Ending(transport, self.loop, lambda: self._begun, linger=self.linger, stall=self.stall)
        super().connection_made(self._ending)  # type: ignore[arg-type]  # it is one as far as it is used
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)
        self._ending.lost()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._ending.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._ending.read()

    def shutdown(self) -> None:
        self._keep = False
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        before = self._steps
        super().data_received(data)
        self._unfinished = self._unfinished + len(data) if self._steps == before else 0
        if self._unfinished > MOST_HEAD:
            if not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
            self._ending.cut()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)
        self._ending.cut()  # what is no request has no end that could be waited for

    def on_message_begin(self) -> None:
        self._expect()
        self._begun = True
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            return  # another request behind one that ended the connection
        super().on_headers_complete()
        # Whoever is answered before all of it is here is told that the connection ends: the rest is not waited for.
        self._keep, self.cycle.keep_alive = self.cycle.keep_alive and self._keep, False

    def on_url(self, url: bytes) -> None:
        self._grown(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grown(len(name) + len(value))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._came()
        self._steps += 1
        self._begun = False
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keep
        super().on_message_complete()
        if self._ending.lingering:
            self._ending.cut()

    def _grown(self, size: int) -> None:
        """Fields behind a body count, too. What is raised here is a 400, and ends the connection."""
        self._steps += 1
        self._head += size + 32
        if self._head > MOST_HEAD:
            raise ValueError("the head is too large")

    def _expect(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.seconds, self._ending.cut)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Listener:
    """uvicorn on sockets that are bound already."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        request_seconds: float = REQUEST_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """`request_seconds`: within which a request must be here, head and body. The others: see above."""
        bounds = {"seconds": request_seconds, "linger": linger_seconds, "stall": stall_seconds}
        config = uvicorn.Config(
            app,
            http=type("Protocol", (_Protocol,), bounds),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # plain lines about requests that are none, and answers that were given up
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=_END_SECONDS,
        )
        self._server = _Server(config)
        self._sockets = list(sockets)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._sockets:
            self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=self._sockets))

    async def close(self) -> None:
        """Requests that are running may finish, for two seconds."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


async def ask(app: ASGIApp, asked: Web) -> WebAnswer:
    """The application's answer to a request that came in elsewhere."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(asked.path.decode("latin-1")),
        "raw_path": asked.path,
        "query_string": asked.query,
        "root_path": "",
        "headers": [(name, value) for name, value in asked.headers if name != b"content-length"],
        "client": (asked.peer, 0),
        "server": None,
    }
    sent: list[Message] = []
    given = iter([{"type": "http.request", "body": asked.body, "more_body": False}])

    async def receive() -> Message:
        return next(given, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return WebAnswer(start["status"], list(start["headers"]), body)

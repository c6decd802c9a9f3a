"""One exchange on one client connection, fed by hand."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import inf

from llm_gateway.http.client_connection import ClientConnection, PlainConnection
from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.http.response import Response

OK = b"HTTP/1.1 200 OK\r\n"


class Wire:
    """The asyncio side of a connection: a transport and an owner in one."""

    def __init__(self) -> None:
        self.aborted = False
        self.paused = False
        self.unsent = 0
        self.returned = 0
        self.dropped_count = 0

    def write(self, data: bytes) -> None:
        self.sent = data

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.sent = b"".join(parts)

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def give_back(self, _: ClientConnection) -> None:
        self.returned += 1

    def dropped(self, _: ClientConnection) -> None:
        self.dropped_count += 1


class Talk:
    """One exchange on one connection; must be made inside a running loop."""

    def __init__(self, limits: ClientLimits | None = None) -> None:
        self.limits = limits or ClientLimits()
        self.wire = Wire()
        self.connection = PlainConnection(asyncio.get_running_loop(), self.wire, self.limits)
        self.connection.connection_made(self.wire)
        self.ask()

    def ask(self) -> None:
        self.response = Response(self.limits, self.connection)
        now = asyncio.get_running_loop().time()
        self.head = self.connection.ask(self.response, b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts(), now, inf)

    def feed(self, *reads: bytes) -> None:
        for data in reads:
            if not self.wire.aborted:  # a real transport delivers nothing after abort
                self.connection.data_received(data)

    def eof(self) -> None:
        if not self.wire.aborted:
            self.connection.eof_received()
        self.connection.connection_lost(None)

    async def outcome(self) -> tuple:
        """Everything the caller can see: status, headers and body, or the kind of error."""
        try:
            await asyncio.wait_for(self.head, 1)
            body = await asyncio.wait_for(self.response.read(), 1)
        except HttpError as error:
            return (type(error),)
        return (self.response.status, self.response.headers, body, self.response.delimited_by_close)


def play(data: bytes, *cuts: int, limits: ClientLimits | None = None) -> tuple:
    """The outcome of reading `data` cut at these places, then EOF; and whether the connection was kept."""

    async def run() -> tuple:
        talk = Talk(limits)
        places = [0, *sorted(cuts), len(data)]
        talk.feed(*[data[a:b] for a, b in pairwise(places) if b > a])
        kept = talk.wire.returned == 1 and not talk.wire.aborted
        talk.eof()
        return (*(await talk.outcome()), kept)

    return asyncio.run(run())


GOOD = {
    "sized": OK + b"Content-Length: 5\r\nX-A: b\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "old but kept": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
}

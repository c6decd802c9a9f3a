"""The way to answer one request: whole in one write, or as a stream with one write per piece."""

from __future__ import annotations

from typing import Protocol

import msgspec

from llm_gateway.http.headers import StatusLines

_COPY_LIMIT = 64 * 1024  # a larger body is handed to the transport beside its head instead of being copied behind it


class Source(Protocol):
    """Whoever feeds a stream; told when the client reads slower than it writes."""

    def pause(self) -> None:
        """Stop producing: the write buffer is above its high-water mark."""

    def resume(self) -> None:
        """Go on."""


class Taker(Source, Protocol):
    """Whoever a connection was handed to by `Reply.upgrade`."""

    def feed(self, data: bytes) -> None:
        """What the client sent, one read at a time. Must not raise."""


class Wire(Protocol):
    """The connection as a Reply needs it."""

    keep: bool  # the connection persists after this answer
    paused: bool  # the transport's buffer is above its high-water mark
    lines: StatusLines

    def send(self, data: bytes) -> None: ...
    def unsent(self) -> int: ...
    def finish(self) -> None: ...
    def cut(self, *, reset: bool = False) -> None: ...
    def switch(self, taker: Taker) -> None: ...
    def read(self, *, on: bool) -> None: ...
    def part(self) -> None: ...


class Reply(msgspec.Struct, eq=False):
    """Answer with `whole`, or with `start`, `write`..., `end`. Calling out of turn raises RuntimeError.

    Or leave HTTP with `upgrade`; then `raw`..., `hold`, `go_on` and `hang_up` are for what is spoken instead.

    started: an answer has begun. finished: it is complete, or was cut by `abort`. gone: the client has left; everything
    written from then on is dropped. source: told to pause and resume while the answer streams.
    """

    _wire: Wire
    _method: bytes
    _chunked: bool  # the client speaks HTTP/1.1; to an HTTP/1.0 client the end of a stream is the end of the connection
    _head: bytes = b""
    _bodiless: bool = False
    _flowing: bool = False  # the head has left, and what follows are chunks
    started: bool = False
    finished: bool = False
    gone: bool = False
    source: Source | None = None

    __repr__ = object.__repr__  # a Struct shows its fields

    @property
    def paused(self) -> bool:
        """Whether the client is behind: what is written now stays in memory."""
        return self._wire.paused

    @property
    def buffered(self) -> int:
        """Bytes handed to the transport and not taken by the kernel yet."""
        return 0 if self.gone else self._wire.unsent()

    @property
    def committed(self) -> bool:
        """Whether bytes of this answer may have left: `start` alone sends nothing."""
        return self.started and not self._head

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        """The complete answer in one write. `headers` are rendered lines, each ending CRLF, without the framing ones."""
        if self.started:
            raise RuntimeError("this request has been answered already")
        self.started = self.finished = True
        if self.gone:
            return
        wire = self._wire
        line = wire.lines[status]
        size = len(body)
        if not wire.keep:
            headers += b"Connection: close\r\n"
        elif not self._chunked:
            headers += b"Connection: keep-alive\r\n"
        if status == 204 or status == 304:  # noqa: PLR1714 - a set costs a hash here
            data = b"%b%b\r\n" % (line, headers)
        elif self._method == b"HEAD":
            data = b"%b%bContent-Length: %d\r\n\r\n" % (line, headers, size)
        elif size < _COPY_LIMIT:
            data = b"%b%bContent-Length: %d\r\n\r\n%b" % (line, headers, size, body)
        else:
            wire.send(b"%b%bContent-Length: %d\r\n\r\n" % (line, headers, size))
            data = body
        wire.send(data)
        if not wire.keep:
            wire.finish()

    def start(self, status: int, headers: bytes) -> None:
        """Begin a stream. Nothing is sent before the first `write`, so that the head leaves together with data."""
        if self.started:
            raise RuntimeError("this request has been answered already")
        self.started = True
        self._head = b""
        wire = self._wire
        self._bodiless = self._method == b"HEAD" or status in {204, 304}
        if not self._chunked:
            wire.keep = False
        line = wire.lines[status]
        if not wire.keep:
            headers += b"Connection: close\r\n"
        if self._chunked and status not in {204, 304}:
            headers += b"Transfer-Encoding: chunked\r\n"
        self._head = b"%b%b\r\n" % (line, headers)

    def write(self, data: bytes) -> None:
        """One piece of the stream, sent at once. Empty pieces send the head if it has not left, else nothing."""
        if self._flowing and data:
            if not self.gone:
                self._wire.send(b"%x\r\n%b\r\n" % (len(data), data))
            return
        if not self.started or self.finished:
            raise RuntimeError("there is no stream to write to")
        if self.gone:
            return
        data = self._framed(data)
        self._flowing = self._chunked and not self._bodiless
        if data:
            self._wire.send(data)

    def end(self, data: bytes = b"") -> None:
        """The last bytes and the end of the message, in one write."""
        if not self.started or self.finished:
            raise RuntimeError("there is no stream to end")
        self.finished = True
        self._flowing = False
        if self.gone:
            return
        data = self._framed(data)
        if self._chunked and not self._bodiless:
            data += b"0\r\n\r\n"
        wire = self._wire
        if data:
            wire.send(data)
        if not wire.keep:
            wire.finish()

    def abort(self) -> None:
        """Cut the connection, so that the client sees that the answer is not complete."""
        self.started = self.finished = True
        self._flowing = False
        if not self.gone:
            self._wire.cut(reset=not self._chunked)

    def upgrade(self, headers: bytes, taker: Taker) -> None:
        """101, and from now on bytes are between the client and `taker`, who is also the `source` (RFC 9110 section 7.8).

        Only for a request that asked for it. The handler goes on running: it is cancelled as always when the client leaves or
        the server's drain is over, and ends with `hang_up` or `abort`. No timeout but the write timeout watches the client.
        """
        if self.started:
            raise RuntimeError("this request has been answered already")
        self.started = True
        self.source = taker
        if not self.gone:
            self._wire.send(b"%b%b\r\n" % (self._wire.lines[101], headers))
            self._wire.switch(taker)

    def raw(self, data: bytes) -> None:
        """Bytes as they are, after `upgrade`."""
        if not self.gone:
            self._wire.send(data)

    def hold(self) -> None:
        """Read no more from the client, after `upgrade`."""
        if not self.gone:
            self._wire.read(on=False)

    def go_on(self) -> None:
        """Read again."""
        if not self.gone:
            self._wire.read(on=True)

    def hang_up(self) -> None:
        """Everything was said: what still comes is dropped for a moment, so that no reset eats the last words."""
        if not self.finished:
            self.finished = True
            if not self.gone:
                self._wire.part()

    def fail(self, status: int, headers: bytes, body: bytes) -> None:
        """The engine's last word for a handler that gave none: an answer if nothing has left yet, else the cut."""
        if self.finished or self.gone:
            return
        if self.committed:
            self.abort()
            return
        self.started = False
        self._head = b""
        self._wire.keep = False
        self.whole(status, headers, body)

    def _framed(self, data: bytes) -> bytes:
        head = self._head
        if head:
            self._head = b""
        if self._bodiless or not data:
            return head
        if self._chunked:
            return b"%b%x\r\n%b\r\n" % (head, len(data), data)
        return head + data

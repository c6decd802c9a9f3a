"""One answer of an upstream: read whole, or pushed piece by piece into a sink."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.decoding import Decoder, decode_whole, decoder_for
from llm_gateway.http.errors import BadCoding, ConnectionLost, HttpError, TooLarge


class Sink(Protocol):
    """Who takes a streamed body: any number of feed, then exactly one of end and broken."""

    def feed(self, data: bytes) -> None:
        """All body bytes of one read, decoded. (A read that unpacks to over a megabyte comes in pieces.)"""
        ...

    def end(self) -> None:
        """The body was complete."""
        ...

    def broken(self, error: HttpError) -> None:
        """The body ended too early."""
        ...


class Channel(Protocol):
    """What an answer may do to the connection it is still arriving on."""

    def abort(self) -> None: ...
    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def limit(self, at: float | None) -> None: ...


class Response(msgspec.Struct, eq=False, weakref=True):
    """An answer whose head has arrived.

    status; headers with lower-case names, duplicates joined with ", ", Set-Cookie left out, made of `head` when they are first
    asked for; coded: there is a Content-Encoding; complete: the last byte is in (the connection already serves someone else
    then); delimited_by_close: only the end of the connection marked the end of the body, so a cut could not be told from an end.

    Use `read` or `stream`, not both. Whoever holds a response that is not complete must end with `close`.
    """

    _limits: ClientLimits
    channel: Channel | None = None  # while the message is arriving
    head: bytes = b""  # its lines up to the empty one
    _headers: dict[bytes, bytes] | None = None
    coded: bool = False
    parts: list[bytes] = []  # body bytes as on the wire, not yet given to anyone
    status: int = 0
    complete: bool = False
    delimited_by_close: bool = False
    paused: bool = False
    error: HttpError | None = None
    _sink: Sink | None = None
    _decoder: Decoder | None = None
    _streamed: int = 0
    _waiter: asyncio.Future[None] | None = None
    _cap: int = 0
    _counted: int = 0  # how many of `parts` are in `_size`
    _size: int = 0
    _held: bool = False  # reading stopped because nobody had asked for the body

    __repr__ = object.__repr__  # a Struct shows its fields, and these hold what a model said

    # ---- for the caller

    @property
    def headers(self) -> dict[bytes, bytes]:
        if self._headers is None:
            self._headers = headers_in(self.head)
        return self._headers

    def body(self, limit: int | None = None) -> bytes:
        """What `read` gives, for an answer that is `complete`, at once."""
        if self.error is not None:
            raise self.error
        if limit is None:
            limit = self._limits.body_bytes
        body = b"".join(self.parts)  # of a single one it is that one
        if len(body) > limit:
            raise TooLarge("the body is over its cap", sent=True, started=True)
        if not self.coded:
            return body
        decoder = decoder_for(self.headers[b"content-encoding"])
        return body if decoder is None else decode_whole(decoder, body, limit)

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body, decoded. Raises HttpError; TooLarge over `limit` (default ClientLimits.body_bytes)."""
        if not self.complete:
            await self._whole(self._limits.body_bytes if limit is None else limit)
        return self.body(limit)

    def stream(self, sink: Sink) -> None:
        """Push the body into `sink` from now on; what is here already goes in before this returns."""
        self._sink = sink
        try:
            self._decoder = decoder_for(self.headers[b"content-encoding"]) if self.coded else None
        except BadCoding as error:
            self._give_up(error)
            return
        self._push()
        if self.error is not None and self._sink is not None:
            self._sink = None
            sink.broken(self.error)
        self._unhold()

    def pause(self) -> None:
        """Stop reading from the peer: whoever takes the body is behind. The idle deadline stands still meanwhile."""
        if not self.paused:
            self.paused = True
            if self.channel is not None and not self._held:
                self.channel.hold()

    def resume(self) -> None:
        """Go on reading."""
        if self.paused:
            self.paused = False
            if self.channel is not None and not self._held:
                self.channel.go_on()
            if self._sink is not None:
                self._push()

    def limit(self, at: float | None) -> None:
        """Set (or remove) one deadline, in loop.time(): then DeadlineExceeded, and the connection is closed."""
        if self.channel is not None:
            self.channel.limit(at)

    def close(self) -> None:
        """No more is wanted. An answer that is still arriving takes its connection with it; safe at any time."""
        self._sink = None
        channel = self.channel
        if channel is not None:
            self.channel = None
            self.error = ConnectionLost("the answer was given up by us", sent=True, started=self.status != 0)
            channel.abort()
            self._wake()

    # ---- for the client and the connection

    def without_body(self) -> None:
        """An answer to HEAD: whatever its headers say, nothing follows.

        The parser cannot know that, so the connection is used again only if the headers say the same.
        """
        self.close()
        self.error = None
        self.complete = True

    def take(self, parts: list[bytes]) -> None:
        """Another read, which does not complete the message. Empties `parts`."""
        sink = self._sink
        if sink is None or self.paused or self._decoder is not None:
            self.parts += parts
            parts.clear()
            self.arrived()
            return
        data = parts.pop()
        if parts:
            data = b"".join((*parts, data))
            parts.clear()
        self._streamed = streamed = self._streamed + len(data)
        if streamed > self._limits.stream_bytes:
            self._too_long()
        else:
            sink.feed(data)

    def arrived(self) -> None:
        """Another read is in `parts`, or the message is complete."""
        if self._sink is not None:
            self._push()
        elif self._waiter is not None:
            if self.complete:
                self._wake()
            elif self._gathered() > self._cap:
                self._give_up(TooLarge("the body is over its cap", sent=True, started=True))
        elif not self.complete and self._gathered() > self._limits.read_high_water and not self._held:
            self._held = True
            if self.channel is not None and not self.paused:
                self.channel.hold()

    def broken(self, error: HttpError) -> None:
        """The rest will never come."""
        self.channel = None
        self.error = error
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.broken(error)
        else:
            self._wake()

    # ---- inside

    async def _whole(self, cap: int) -> None:
        """Wait until the message is complete, broken, or over the cap."""
        if self.error is not None or self.channel is None:
            return
        self._cap = cap
        self._waiter = asyncio.get_running_loop().create_future()
        self._unhold()
        self.arrived()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None

    def _gathered(self) -> int:
        """Bytes in `parts`; each is counted once, however often this is asked."""
        parts = self.parts
        if self._counted < len(parts):
            self._size += sum(map(len, parts[self._counted :]))
            self._counted = len(parts)
        return self._size

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _unhold(self) -> None:
        if self._held:
            self._held = False
            if self.channel is not None and not self.paused:
                self.channel.go_on()

    def _push(self) -> None:
        if self._decoder is not None:
            self._push_decoded(self._decoder)
        elif self.parts and not self.paused:
            self._feed(self._take())
        if self.complete and self._sink is not None and not self.parts:
            self._end(self._sink)

    def _end(self, sink: Sink) -> None:
        """The message is complete and nothing of it is left in `parts`."""
        decoder = self._decoder
        if decoder is not None:
            if decoder.pending:
                return
            try:
                decoder.finish()
            except BadCoding as error:
                self._give_up(error)
                return
        self._sink = None
        sink.end()

    def _push_decoded(self, decoder: Decoder) -> None:
        room = self._limits.read_high_water
        try:
            while self._sink is not None and not self.paused:
                if decoder.pending:
                    data = decoder.feed(b"", room)
                elif self.parts:
                    data = decoder.feed(self._take(), room)
                else:
                    return
                if data:
                    self._feed(data)
        except BadCoding as error:
            self._give_up(error)

    def _feed(self, data: bytes) -> None:
        self._streamed += len(data)
        if self._streamed > self._limits.stream_bytes:
            self._too_long()
        elif self._sink is not None:
            self._sink.feed(data)

    def _too_long(self) -> None:
        self._give_up(TooLarge("the streamed body is over its cap", sent=True, started=True))

    def _take(self) -> bytes:
        parts = self.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        if self._counted:
            self._counted = self._size = 0
        return data

    def _give_up(self, error: HttpError) -> None:
        """The answer is not acceptable: close the connection, tell whoever waits."""
        channel = self.channel
        self.parts.clear()
        if channel is not None:
            channel.abort()
        self.broken(error)


def headers_in(head: bytes) -> dict[bytes, bytes]:
    """Lower-case name -> value, of a head that the parser has accepted: each line has a name, a colon and a value."""
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n")[1:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in headers:
            headers[name] += b", " + value
        elif name != b"set-cookie":
            headers[name] = value
    return headers

"""Content codings (RFC 9110 section 8.4.1): gzip, deflate and br, undone a bounded piece at a time.

A decoder never produces more than about the room it is given, so a small body that unpacks to gigabytes costs only
what its reader allows. Everything a read makes decodable comes out at once: a compressed event stream keeps its pace.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli

from llm_gateway.http.errors import BadCoding, TooLarge

_GZIP = 31
_ZLIB = 15
_RAW_DEFLATE = -15
_PIECE = 8 << 20  # zlib holds what it gives out twice for a moment: not of a whole body at its cap


class Decoder(Protocol):
    """One body being decoded."""

    pending: bool
    """There may be more output without more input: call `feed(b"", room)` before giving it new bytes."""

    def feed(self, data: bytes, room: int) -> bytes:
        """About `room` decoded bytes at most. Raises BadCoding."""
        ...

    def finish(self) -> None:
        """The wire has ended: raises BadCoding if the coded body has not."""
        ...


def decoder_for(coding: bytes) -> Decoder | None:
    """The decoder of a Content-Encoding value; None where there is nothing to undo.

    Raises BadCoding for what we never ask for: an unknown coding, or one coding upon another.
    """
    match coding.strip().lower():
        case b"" | b"identity":
            return None
        case b"gzip" | b"x-gzip":
            return ZlibDecoder(_GZIP)
        case b"deflate":
            return ZlibDecoder(None)
        case b"br":
            return BrotliDecoder()
    raise BadCoding("the content coding is not one of gzip, deflate, br", sent=True, started=True)


def decode_whole(decoder: Decoder, body: bytes, cap: int) -> bytes:
    """The decoded body. Raises TooLarge as soon as it is over `cap` bytes, and BadCoding."""
    if not body:
        return b""  # an empty body is often labelled with the coding its full form would have had
    size, pieces = 0, []
    piece = decoder.feed(body, min(cap + 1, _PIECE))
    while True:
        pieces.append(piece)
        size += len(piece)
        if size > cap:
            raise TooLarge("the decoded body is over its cap", sent=True, started=True)
        if not decoder.pending:
            break
        piece = decoder.feed(b"", min(cap + 1 - size, _PIECE))
    decoder.finish()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class ZlibDecoder:
    """gzip with any number of members (RFC 1952), or deflate with the zlib header or, as some send it, without.

    `window` None means "deflate": the first two bytes decide which of the two it is (RFC 1950 section 2.2).
    """

    __slots__ = ("_begun", "_inflate", "_rest", "_window", "pending")

    def __init__(self, window: int | None) -> None:
        self.pending = False
        self._window = window
        self._inflate = None if window is None else zlib.decompressobj(window)
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes, room: int) -> bytes:
        data = self._rest + data if self._rest else data
        if self._inflate is None:
            if len(data) < 2:
                self._rest = data
                return b""
            self._window = _ZLIB if data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0 else _RAW_DEFLATE
            self._inflate = zlib.decompressobj(self._window)
        self._begun = self._begun or bool(data)
        if self._inflate.eof:
            self._next_member(data)
        try:
            out = self._inflate.decompress(data, room)
        except zlib.error:
            raise BadCoding("the compressed body is damaged", sent=True, started=True) from None
        self._rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        # A full piece may leave output inside zlib although all input is used up.
        self.pending = bool(self._rest) or len(out) >= room
        return out

    def _next_member(self, data: bytes) -> None:
        if not data:
            return
        if self._window != _GZIP:
            raise BadCoding("bytes follow the end of the compressed body", sent=True, started=True)
        self._inflate = zlib.decompressobj(_GZIP)

    def finish(self) -> None:
        ended = self._inflate is not None and self._inflate.eof and not self._rest
        if (self._begun or self._rest) and not ended:
            raise BadCoding("the compressed body ends too early", sent=True, started=True)


class BrotliDecoder:
    """br (RFC 7932)."""

    __slots__ = ("_begun", "_brotli", "pending")

    def __init__(self) -> None:
        self.pending = False
        self._brotli = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes, room: int) -> bytes:
        self._begun = self._begun or bool(data)
        try:
            out: bytes = self._brotli.process(data, output_buffer_limit=room)
        except brotli.error:
            raise BadCoding("the compressed body is damaged", sent=True, started=True) from None
        finished = self._brotli.is_finished()
        self.pending = not finished and (len(out) >= room or not self._brotli.can_accept_more_data())
        return out

    def finish(self) -> None:
        if self._begun and not self._brotli.is_finished():
            raise BadCoding("the compressed body ends too early", sent=True, started=True)

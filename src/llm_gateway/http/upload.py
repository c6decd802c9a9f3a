"""A large request body, given to a transport no faster than it sends: over TLS all of it would be encrypted at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from llm_gateway.http.body import Body, Piece, Pieces

SLICE = 256 * 1024


class Upload:
    """What is left to send."""

    __slots__ = ("_rest", "full", "over")

    def __init__(self, head: bytes, body: Body) -> None:
        self._rest = _slices((head, *(body.parts if isinstance(body, Pieces) else (body,))))
        self.full = False  # the transport holds as much as it should
        self.over = False

    def go_on(self, transport: asyncio.Transport) -> None:
        while not (self.full or self.over):
            piece = next(self._rest, None)
            if piece is None:
                self.over = True
            else:
                transport.write(piece)


class Uploading:
    """The half of a client connection that sends such bodies: asyncio's calls about its write buffer."""

    __slots__ = ()

    transport: asyncio.Transport
    _upload: Upload | None

    def upload(self, head: bytes, body: Body) -> None:
        self._upload = Upload(head, body)  # type: ignore[misc]  # the connection has the slot: two bases with slots cannot be
        self._upload.go_on(self.transport)

    def pause_writing(self) -> None:
        if self._upload is not None:
            self._upload.full = True

    def resume_writing(self) -> None:
        if self._upload is not None and not self.transport.is_closing():
            self._upload.full = False
            self._upload.go_on(self.transport)

    def uploaded(self) -> bool:
        """Whether nothing is left to send; whatever is left is dropped."""
        upload, self._upload = self._upload, None  # type: ignore[misc]  # as above
        return upload is None or upload.over


def _slices(parts: tuple[Piece, ...]) -> Iterator[Piece]:
    for part in parts:
        if len(part) <= SLICE:
            yield part
            continue
        whole = memoryview(part)
        for at in range(0, len(whole), SLICE):
            yield whole[at : at + SLICE]

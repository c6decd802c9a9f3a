"""Large bodies leave in slices, as the transport takes them."""

from __future__ import annotations

from llm_gateway.http.body import Pieces, body_of, joined
from llm_gateway.http.upload import SLICE, Upload


class Transport:
    """Is full after each write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.upload: Upload | None = None

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))
        if self.upload is not None:
            self.upload.full = True


def test_slices_wait_for_room():
    """Head first; nothing more is given than the transport takes; joined it is the body."""
    body = Pieces((b"a" * 10, memoryview(b"b" * (SLICE * 2 + 5)), b"c" * SLICE))
    transport = Transport()
    upload = transport.upload = Upload(b"head", body)
    for count in range(1, 7):
        upload.full = False
        upload.go_on(transport)  # type: ignore[arg-type]
        assert len(transport.written) == count
        assert not upload.over
    upload.full = False
    upload.go_on(transport)  # type: ignore[arg-type]
    assert upload.over
    assert max(map(len, transport.written)) <= SLICE
    assert b"".join(transport.written) == b"head" + joined(body)


def test_small_bodies_are_joined():
    """Pieces are for what is worth it; one whole piece stays itself."""
    whole = b"x" * 200_000
    assert body_of((whole,)) is whole
    assert body_of((b"a", memoryview(b"b"))) == b"ab"
    large = body_of((b"a", memoryview(whole)))
    assert isinstance(large, Pieces)
    assert len(large) == 200_001
    assert joined(large) == b"a" + whole

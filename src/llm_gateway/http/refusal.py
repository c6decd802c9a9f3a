"""What the engine itself answers: requests it will not hand to anybody."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

# status, code, message, path (b"" when the head could not be read) -> rendered header lines, body
RenderRefusal = Callable[[int, str, str, bytes], tuple[bytes, bytes]]


class Refused(Exception):
    """The request is answered by the engine and the connection closed after it. The message is shown to the client."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def malformed(message: str) -> Refused:
    """400: bytes that are no HTTP/1.1, or that two parsers could read differently (RFC 9112 section 11.2)."""
    return Refused(400, "malformed_request", message)


def render_refusal(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:  # noqa: ARG001 - the hook's shape
    """The OpenAI error envelope; the edge puts in a renderer that knows which dialect `path` belongs to."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = msgspec.json.encode({"error": {"message": message, "type": kind, "code": code, "param": None}})
    return b"Content-Type: application/json\r\n", body


def advice(status: int) -> bytes:
    """Header lines the RFCs ask for with a status, whoever renders the body: RFC 9110 sections 10.2.3 and 15.5.16."""
    if status == 503:
        return b"Retry-After: 1\r\n"
    if status == 415:
        return b"Accept-Encoding: identity\r\n"
    return b""


def overloaded() -> Refused:
    """503: as many bytes of bodies are held as may be."""
    return Refused(503, "overloaded", "the server is holding as many request bytes as it may")

"""What is asked in the tests of answers that pass through: speech, and forms with files."""

from __future__ import annotations

from typing import Any

from whole_gateway import BEARER

SPEECH = "/v1/audio/speech"
HEARD = "/v1/audio/transcriptions"
SAY: dict[str, Any] = {"model": "m", "input": "hello", "voice": "v"}
FORM_TYPE = b"multipart/form-data; boundary=xyz"


def form(*fields: tuple[str, bytes]) -> bytes:
    parts = [
        b'--xyz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value) for name, value in fields
    ]
    return b"".join([*parts, b"--xyz--\r\n"])


def posted(path: str, body: bytes, content_type: bytes = FORM_TYPE, headers: str = BEARER) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Type: {content_type.decode()}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body

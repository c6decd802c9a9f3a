"""Lines of a response head: header fields that cannot be split, and status lines rendered once a second."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

from llm_gateway.core.clock import Clock

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def header(name: bytes, value: bytes) -> bytes:
    """One rendered field line, CRLF included (RFC 9110 section 5).

    Raises ValueError for a name that is no token and for CR, LF or NUL in the value: a value that came from somewhere
    else must not be able to end the line and start another (CWE-113).
    """
    if not name or not TOKEN.issuperset(name):
        raise ValueError("a header name must be a token")
    if b"\r" in value or b"\n" in value or b"\0" in value:
        raise ValueError("a header value must not hold CR, LF or NUL")
    return b"%b: %b\r\n" % (name, value)


class StatusLines(dict[int, bytes]):
    """Status -> status line, Date and what every answer says, each line ending CRLF. Rendered on first use and thrown away when
    the second is over.
    """

    def __init__(self, clock: Clock, always: bytes = b"") -> None:
        """`always`: header lines of every answer, which cost nothing here."""
        super().__init__()
        self._clock = clock
        self._always = always
        self._second = 0
        self._date = b""
        self.tick()

    def tick(self) -> None:
        """Forget what was rendered if the wall clock's second has changed; the server's sweep calls it."""
        second = int(self._clock.now())
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
            self.clear()

    def __missing__(self, status: int) -> bytes:
        line = b"HTTP/1.1 %d %b\r\nDate: %b\r\n%b" % (status, _phrase(status), self._date, self._always)
        self[status] = line
        return line


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"

"""Header lines and status lines."""

from __future__ import annotations

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.http.headers import StatusLines, header


def test_a_header_line() -> None:
    """Name, colon, value, CRLF."""
    assert header(b"X-Y", b"a b; c\xe4") == b"X-Y: a b; c\xe4\r\n"


@pytest.mark.parametrize("value", [b"a\r\nB: c", b"a\nb", b"a\rb", b"a\0b"])
def test_values_cannot_split_a_head(value: bytes) -> None:
    """CR, LF and NUL are refused, not taken out (C18)."""
    with pytest.raises(ValueError, match="value"):
        header(b"X", value)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", b"\xe4", b"a\t"])
def test_names_are_tokens(name: bytes) -> None:
    """RFC 9110 section 5.1."""
    with pytest.raises(ValueError, match="name"):
        header(name, b"x")


def test_status_lines_are_rendered_once_a_second() -> None:
    """The same object within a second, a new Date in the next."""
    clock = FakeClock(784111777.0)
    lines = StatusLines(clock)
    first = lines[200]
    assert first == b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    clock.advance(0.5)
    lines.tick()
    assert lines[200] is first
    clock.advance(0.5)
    lines.tick()
    assert lines[200].endswith(b"08:49:38 GMT\r\n")
    assert lines[599].startswith(b"HTTP/1.1 599 Unknown\r\n")

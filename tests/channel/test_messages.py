"""Messages as plain data."""

from __future__ import annotations

import pytest

from llm_gateway.channel.messages import Boot, Unreadable, Web, plain, read


@pytest.mark.parametrize(
    "message",
    [Web("GET", b"/x", headers=[(b"a", b"b")], body=b"\xff"), Boot({"manifest": b"m"}, "/state", (b"s",), ("a",), None)],
)
def test_there_and_back(message):
    """Bytes stay bytes."""
    assert read(plain(message), type(message)) == message


def test_what_is_another_message_is_told():
    """By its name, without its content."""
    with pytest.raises(Unreadable, match="not a Web"):
        read({"path": b"secret"}, Web)

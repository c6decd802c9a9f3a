"""Streams of lines that pass through."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.ollama_chat.test_stream import END, line, piece
from dialects.recorded import given as recorded
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.ollama_chat.relay import NdjsonRelay
from splits import bytewise, cut, points

FAILED = b'{"error":"model runner has stopped"}\n'
WHOLE = piece() + piece("Hello") + piece("", thinking="hm") + END
FAULT = ProviderFault("model runner has stopped")


def run(*reads: bytes) -> tuple[bytes, NdjsonRelay]:
    relay = OLLAMA_CHAT.relay()
    return b"".join([relay.feed(data) for data in reads]) + relay.end(), relay


def state(relay: NdjsonRelay) -> tuple[bool, bool, ProviderFault | None]:
    return relay.committed, relay.done, relay.failure


@pytest.mark.parametrize("data", [WHOLE, recorded("ollama_chat/tools.stream.ndjson")])
def test_a_good_stream_passes_to_the_byte(data):
    """With its usage, in one read and byte by byte."""
    for reads in ([data], bytewise(data)):
        out, relay = run(*reads)
        assert out == data
        assert state(relay) == (True, True, None)
        assert relay.usage is not None


@settings(max_examples=60, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """However a stream is cut, bytes, usage and state are the same, and nothing follows the end."""
    out, relay = run(*cut(WHOLE + b"trailing", ends))
    assert (out, state(relay), relay.usage) == (WHOLE, (True, True, None), Usage(input=3, output=2))


@pytest.mark.parametrize(
    "data", [piece(), b"\n", line(status="resting"), line(response="", done=False), piece("", tool_calls=[])]
)
def test_nothing_is_committed_before_content(data):
    """An empty piece: the answer may still fail over."""
    relay = OLLAMA_CHAT.relay()
    relay.feed(data)
    assert not relay.committed


@pytest.mark.parametrize(
    "data",
    [
        piece("a"),
        piece("", thinking="a"),
        piece("", tool_calls=[{"function": {"name": "f"}}]),
        line(response="a", done=False),
        line(response="", thinking="a", done=False),
        END,
    ],
)
def test_content_commits(data):
    """Of chats and of /api/generate; so does the reason why there is none."""
    for dialect in (OLLAMA_CHAT, OLLAMA_GENERATE):
        relay = dialect.relay()
        assert relay.feed(data) == data
        assert relay.committed


@pytest.mark.parametrize("before", [b"", piece("a")])
def test_the_servers_error_is_held_back(before):
    """What stood before it passes, nothing after it, and the stream is not done."""
    for reads in ([before + FAILED + END], bytewise(before + FAILED + END)):
        out, relay = run(*reads)
        assert out == before
        assert state(relay) == (bool(before), False, FAULT)


@pytest.mark.parametrize("half", [b"", piece("b")[:9]])
def test_a_cut_stream_is_never_done(half):
    """And no half line goes on."""
    relay = OLLAMA_CHAT.relay()
    assert relay.feed(piece("a") + half) == piece("a")
    if half:
        with pytest.raises(UpstreamMalformed):
            relay.end()
    else:
        assert relay.end() == b""
    assert not relay.done


def test_the_last_line_end_may_be_missing():
    """It is supplied."""
    assert run(WHOLE[:-1])[0] == WHOLE


def test_line_ends_and_a_bom():
    """CRLF becomes LF, empty lines and a BOM go."""
    out, relay = run(b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\n\r\n"))
    assert (out, relay.done) == (WHOLE, True)


def test_bytes_that_are_no_utf_8_are_replaced():
    """What the caller gets is always text."""
    out, _ = run(piece("a~b").replace(b"~", b"\xff"))
    assert out == piece("a\ufffdb")


@pytest.mark.parametrize(
    "bad", [b"<html>\n", b"null\n", piece("~").replace(b"~", b"\0"), piece("a")[:-3] + b"\n", b"x" * (2 << 20)]
)
def test_damage_is_malformed(bad):
    """Whenever it comes."""
    with pytest.raises(UpstreamMalformed):
        run(piece("a"), bad)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(data):
    """Pass as text or are UpstreamMalformed."""
    try:
        out, relay = run(data)
    except UpstreamMalformed:
        return
    assert out.decode().count("\n") >= (1 if out else 0)
    assert not relay.done or out

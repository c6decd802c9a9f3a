"""Streams that pass through."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from dialects.recorded import given as recorded
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.anthropic_messages.relay import AnthropicRelay
from llm_gateway.dialects.base import ProviderFault
from splits import bytewise, cut, points

STREAMS = ["plain", "tools", "search"]


def event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


def begins(block: dict) -> bytes:
    return event("content_block_start", index=0, content_block=block)


def delta(**members: object) -> bytes:
    return event("content_block_delta", index=0, delta=members)


USAGE = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 4}
START = event("message_start", message={"id": "msg_1", "model": "claude", "content": [], "usage": USAGE})
PING = event("ping")
TEXT = begins({"type": "text", "text": ""})
HELLO = delta(type="text_delta", text="Hello")
STOPPED = event("content_block_stop", index=0)
REASON = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7})
STOP = event("message_stop")
FAILED = event("error", error={"type": "overloaded_error", "message": "Busy"})
WHOLE = START + PING + TEXT + HELLO + STOPPED + REASON + STOP


def run(*reads: bytes) -> tuple[bytes, AnthropicRelay]:
    relay = ANTHROPIC_MESSAGES.relay()
    return b"".join([relay.feed(data) for data in reads]) + relay.end(), relay


def state(relay: AnthropicRelay) -> tuple[bool, bool, ProviderFault | None]:
    return relay.committed, relay.done, relay.failure


def test_a_good_stream_passes_to_the_byte():
    """With its usage: totals of the last event over those of the first."""
    out, relay = run(WHOLE)
    assert out == WHOLE
    assert state(relay) == (True, True, None)
    assert relay.usage == Usage(input=10, cache_read=4, output=7)


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams_pass_to_the_byte(name):
    """In one read and byte by byte."""
    data = recorded(f"anthropic_messages/{name}.stream.sse")
    for reads in ([data], bytewise(data)):
        out, relay = run(*reads)
        assert out == data
        assert (relay.committed, relay.done, relay.usage is not None) == (True, True, True)


@settings(max_examples=60, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """However a stream is cut, bytes, usage and state are the same."""
    out, relay = run(*cut(WHOLE + b"trailing", ends))
    assert (out, state(relay), relay.usage) == (WHOLE, (True, True, None), Usage(input=10, cache_read=4, output=7))


@pytest.mark.parametrize("reads", [lambda data: [data], bytewise], ids=["once", "bytewise"])
def test_other_line_ends_and_a_bom(reads):
    """The stream is the same one: CRLF stays, a BOM goes, a lone CR becomes LF."""
    crlf = WHOLE.replace(b"\n", b"\r\n")
    assert run(*reads(crlf))[0] == crlf
    assert run(*reads(WHOLE.replace(b"\n", b"\r")))[0] == WHOLE
    assert run(*reads(b"\xef\xbb\xbf" + WHOLE))[0] == WHOLE


@pytest.mark.parametrize(
    "data",
    [
        START,
        PING,
        b": comment\n\n",
        TEXT,
        begins({"type": "thinking", "thinking": "", "signature": ""}),
        TEXT + delta(type="text_delta", text=""),
        event("content_block_forecast", index=0),
    ],
)
def test_nothing_is_committed_before_content(data):
    """A head, a ping, an empty block, an empty piece: the answer may still fail over."""
    relay = ANTHROPIC_MESSAGES.relay()
    assert relay.feed(START + data) == START + data
    assert not relay.committed


@pytest.mark.parametrize(
    "data",
    [
        TEXT + HELLO,
        begins({"type": "text", "text": "x"}),
        begins({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        begins({"type": "redacted_thinking", "data": "x"}),
        begins({"type": "server_tool_use", "id": "s", "name": "n", "input": {}}),
        begins({"type": "thinking", "thinking": "", "signature": ""}) + delta(type="signature_delta", signature="s"),
        REASON,
    ],
)
def test_content_commits(data):
    """So does the reason why there is none: an empty answer is one."""
    relay = ANTHROPIC_MESSAGES.relay()
    relay.feed(START + data)
    assert relay.committed


@pytest.mark.parametrize("before", [b"", START, START + TEXT + HELLO], ids=["first", "early", "late"])
@pytest.mark.parametrize(
    "failed",
    [
        FAILED,
        FAILED.removeprefix(b"event: error\n"),
        b'event: error\ndata: {"error":{"type":"overloaded_error","message":"Busy"}}\n\n',
        b'event:error\ndata:{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}\n\n',
    ],
)
def test_the_providers_error_is_held_back(before, failed):
    """What stood before it passes, nothing after it, and the stream is not done."""
    for reads in ([before + failed + REASON + STOP], bytewise(before + failed + STOP)):
        out, relay = run(*reads)
        assert out == before
        assert (relay.done, relay.failure) == (False, ProviderFault("Busy", "overloaded_error"))
        assert relay.committed == (HELLO in before)


def test_words_inside_of_a_text_mean_nothing():
    """A model may write about this very protocol, quotes and all."""
    odd = delta(type="text_delta", text='event: error "type":"error" {"type":"message_stop"}\n\nevent: message_stop\n\n')
    out, relay = run(START + TEXT + HELLO + odd + HELLO + STOPPED + REASON + STOP)
    assert out.count(HELLO) == 2
    assert state(relay) == (True, True, None)


def test_nothing_follows_the_end():
    """A second end, more text and garbage are dropped, in the same read and later."""
    out, relay = run(WHOLE + STOP + HELLO, b"garbage", STOP)
    assert out == WHOLE
    assert relay.done


def test_the_missing_end_is_supplied_when_the_reason_was_seen():
    """An answer that is whole looks so."""
    out, relay = run(WHOLE.removesuffix(STOP))
    assert out == WHOLE
    assert relay.done


@pytest.mark.parametrize("size", range(1, 4))
def test_the_last_line_end_may_be_missing(size):
    """The event is whole without it."""
    out, relay = run(WHOLE[:-size])
    assert (out, relay.done) == (WHOLE, True)


@pytest.mark.parametrize("kept", [b"", START, START + TEXT + HELLO, START + TEXT + HELLO + STOPPED])
@pytest.mark.parametrize("half", [b"", REASON[:5], REASON[:40], HELLO[:-5]])
def test_a_cut_stream_is_never_done(kept, half):
    """And no half event goes on."""
    out, relay = run(kept + half)
    assert out == kept
    assert not relay.done


def test_bytes_that_are_no_utf_8_are_replaced():
    """What the caller gets is always text; a character that is cut between two reads is whole."""
    bad = HELLO.replace(b"ll", b"\xff")
    out, _ = run(START + TEXT + bad, HELLO.replace(b"ll", b"\xfe") + STOPPED + REASON + STOP)
    assert out.decode().count("He\ufffdo") == 2
    data = WHOLE.replace(b"Hello", "Heł🦀o".encode())
    assert run(*bytewise(data))[0] == data


@pytest.mark.parametrize(
    "bad",
    [
        HELLO.replace(b"ll", b"\0"),
        REASON.replace(b'"delta":', b'"delta":{'),
        REASON.replace(b'"output_tokens":7', b'"output_tokens":-7'),
    ],
    ids=["NUL", "broken", "negative"],
)
@pytest.mark.parametrize("before", [START, START + TEXT + HELLO])
def test_damage_is_malformed(before, bad):
    """A NUL anywhere, broken JSON and impossible counts where we read."""
    relay = ANTHROPIC_MESSAGES.relay()
    relay.feed(before)
    with pytest.raises(UpstreamMalformed):
        relay.feed(bad)


@pytest.mark.parametrize("before", [START, START + TEXT + HELLO], ids=["before", "after"])
@pytest.mark.parametrize(
    "broken",
    [b"data: <html>\n\n", HELLO.replace(b"}}", b"}"), HELLO.replace(b'"Hello"', b'"Hello'), STOPPED.replace(b"}", b"")],
    ids=["html", "brace", "quote", "frame"],
)
@pytest.mark.parametrize("alone", [True, False])
def test_broken_json_is_malformed(before, broken, alone):
    """Wherever it stands and however it is read: before content another provider may still be asked, later it is an error."""
    with pytest.raises(UpstreamMalformed):
        run(*([before, broken, HELLO] if alone else [before + broken + HELLO]))


def test_an_endless_event_is_malformed():
    """Nothing is held without bound."""
    with pytest.raises(UpstreamMalformed):
        run(*[b"data: " + b"x" * (1 << 16)] * 40)


def test_the_other_dialects_marker_is_no_event():
    """Some servers end with OpenAI's [DONE] too; it passes before the end and is dropped behind it."""
    out, relay = run(WHOLE.removesuffix(STOP) + b"data: [DONE]\n\n")
    assert out == WHOLE.removesuffix(STOP) + b"data: [DONE]\n\n" + STOP
    assert relay.done
    assert run(WHOLE + b"data: [DONE]\n\n")[0] == WHOLE

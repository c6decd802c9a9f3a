"""Faults of streams in every shape, observed on a raw socket."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.http.framing.errors import FramingError
from simulator.support import STREAMS, events, exchange, folded, frames, lines, post


def ask(simulator, kind, fault=""):
    path, document = STREAMS[kind]
    return exchange(simulator.url, post(f"/f/{fault}{path}" if fault else path, document))


def said(kind, body):
    """The text, or None where the stream cannot be read or ends in an error."""
    try:
        return folded(kind, body)
    except (AssertionError, KeyError, msgspec.DecodeError, FramingError, UnicodeDecodeError):
        return None


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize(
    "fault", ["rechunk:mode=byte", "rechunk:mode=random,seed=4", "drip:bps=100000", "stall:after=40,secs=0.02", "gzip"]
)
def test_bytes_are_the_same_however_they_come(simulator, kind, fault):
    """Neither chunks nor pauses change what is said; a coded stream is coded and nothing else."""
    plain, varied = ask(simulator, kind), ask(simulator, kind, fault)
    assert said(kind, plain.body)
    if fault == "gzip":
        assert varied.header("content-encoding") == "gzip"
    else:
        assert varied.body == plain.body


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("fault", ["close_mid:after=300", "reset_mid:after=300"])
def test_a_stream_that_is_cut_is_not_whole(simulator, kind, fault):
    """The transfer itself tells that something is missing."""
    answer = ask(simulator, kind, fault)
    with pytest.raises(ValueError, match="chunk"):
        _ = answer.chunks


@pytest.mark.parametrize("kind", STREAMS)
def test_malformed_element(simulator, kind):
    """One element in the middle is no JSON; framing and frames are in order."""
    body = ask(simulator, kind, "malformed_json").body
    assert said(kind, body) is None
    if kind == "converse":
        with pytest.raises(msgspec.DecodeError):
            frames(body)


@pytest.mark.parametrize("kind", STREAMS)
def test_an_error_in_the_middle(simulator, kind):
    """Half of the elements, then the error in the provider's shape, then nothing."""
    plain, broken = ask(simulator, kind).body, ask(simulator, kind, "mid_error").body
    if kind == "converse":
        found = frames(broken)
        assert found[-1][0] == "!internalServerException"
        assert [name for name, _ in found].count("messageStop") == 0
    elif kind == "ollama":
        assert lines(broken)[-1] == {"error": "simulated error 500"}
    elif kind == "array":
        assert msgspec.json.decode(broken)[-1]["error"]["status"] == "INTERNAL"
    else:
        assert b"simulated error" in events(broken)[-1][1].encode()
    assert plain[:60] == broken[:60]


@pytest.mark.parametrize("kind", STREAMS)
def test_no_end(simulator, kind):
    """Whatever tells that the answer is whole is missing; all before it is there."""
    plain, cut = ask(simulator, kind).body, ask(simulator, kind, "no_done").body
    assert plain.startswith(cut)
    marks = {
        "chat": b"[DONE]",
        "messages": b"message_stop",
        "responses": b"response.completed",
        "gemini": b"finishReason",
        "array": b"finishReason",
        "ollama": b'"done":true',
        "cohere": b"message-end",
        "converse": b"messageStop",
    }
    assert marks[kind] in plain
    assert marks[kind] not in cut
    assert ask(simulator, kind, "dup_done").body == plain + plain[len(cut) :]


@pytest.mark.parametrize("kind", ["gemini", "ollama", "cohere", "converse", "responses"])
def test_a_flood_of_elements(simulator, kind):
    """One element many times leaves the framing in order."""
    body = ask(simulator, kind, "flood:n=500").body
    count = {"ollama": lambda: lines(body), "converse": lambda: frames(body)}.get(kind, lambda: events(body))
    assert len(count()) > 500


def test_unknown_elements(simulator):
    """Something new stands second in every shape."""
    assert frames(ask(simulator, "converse", "unknown_event").body)[1][0] == "brandNewEvent"
    assert "brand_new_event" in lines(ask(simulator, "ollama", "unknown_event").body)[1]
    assert "brandNewEvent" in msgspec.json.decode(ask(simulator, "array", "unknown_event").body)[1]
    assert events(ask(simulator, "gemini", "unknown_event").body)[1][0] == "brand_new_event"


@pytest.mark.parametrize("kind", ["ollama", "array", "converse", "gemini"])
def test_garbage_at_the_end(simulator, kind):
    """It follows the whole stream."""
    plain, more = ask(simulator, kind).body, ask(simulator, kind, "trailing_garbage").body
    assert more.startswith(plain)
    assert b"garbage" in more[len(plain) :]


@pytest.mark.parametrize("kind", ["ollama", "array"])
@pytest.mark.parametrize("fault", ["heartbeat:secs=0.01", "long_line:kb=80"])
def test_white_space_means_nothing(simulator, kind, fault):
    """Where there are no comments, white space takes their place."""
    varied = ask(simulator, kind, fault).body
    assert varied != ask(simulator, kind).body
    assert said(kind, varied) == said(kind, ask(simulator, kind).body)


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("fault", ["bad_utf8", "nul"])
def test_junk_in_the_text(simulator, kind, fault):
    """The junk stands in the text of an element, whose framing stays in order."""
    plain, junk = ask(simulator, kind).body, ask(simulator, kind, fault).body
    assert (b"\xff\xfe\xc3" if fault == "bad_utf8" else b'":"\0') in junk
    assert len(junk) == len(plain) + (7 if fault == "bad_utf8" else 1)
    if kind == "converse":
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            frames(junk)


@pytest.mark.parametrize("kind", STREAMS)
def test_usage_left_out(simulator, kind):
    """No count is left anywhere, and the text is the same."""
    plain, body = ask(simulator, kind).body, ask(simulator, kind, "no_usage").body
    for mark in (b'"usage"', b"usageMetadata", b"eval_count", b'"input_tokens"', b"inputTokens"):
        assert mark not in body
    assert said(kind, body) == said(kind, plain) != ""

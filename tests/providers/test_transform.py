"""A provider's stream turned into the caller's."""

from __future__ import annotations

import pytest

from llm_gateway.core import events
from llm_gateway.core.chat import ChatReply, Choice, Text
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers import transform
from llm_gateway.providers.transform import Translated, Whole
from whole_gateway import said


class Reader:
    """Gives the batches it was made of, one for each feed; the last one is for `end`."""

    def __init__(self, *batches: list[events.Event]) -> None:
        self.batches = list(batches)

    def feed(self, data: bytes) -> list[events.Event]:
        return self.batches.pop(0)

    def end(self) -> list[events.Event]:
        return self.batches.pop(0)


class Writer:
    """Writes the names of events."""

    def feed(self, batch: list[events.Event]) -> bytes:
        return b"".join(type(event).__name__.encode() + b" " for event in batch)


def translated(*batches: list[events.Event]) -> Translated:
    return Translated(Reader(*batches), Writer())


START = events.Start("id", "m")


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (events.TextDelta("a"), True),
        (events.TextDelta(""), False),
        (events.ReasoningDelta("a"), True),
        (events.ReasoningDelta(""), False),
        (events.RefusalDelta("a"), True),
        (events.RedactedReasoning("x"), True),
        (events.ToolCallStart(0, "t", "f"), True),
        (events.Finish("stop"), True),
        (events.UsageUpdate(Usage()), False),
        (START, False),
    ],
)
def test_the_first_content_commits(event, content):
    """Not the opening of a stream, nor an empty piece (U07): after those another provider may still answer."""
    one = translated([START, event])
    assert one.feed(b"x").startswith(b"Start ")
    assert one.committed is content


def test_a_failure_holds_back_what_follows():
    """What came before it is written, it itself and the rest are not; what was wrong is kept."""
    one = translated(
        [events.TextDelta("a"), events.Failure("oops", "overloaded_error", "c"), events.TextDelta("b"), events.Done()]
    )
    assert one.feed(b"x") == b"TextDelta "
    assert (one.failure.message, one.failure.type, one.failure.code) == ("oops", "overloaded_error", "c")
    assert not one.done


def test_nothing_follows_done():
    """U29: events behind Done are not written, and further bytes are not read."""
    one = translated([events.TextDelta("a"), events.Done(), events.TextDelta("b")])
    assert one.feed(b"x") == b"TextDelta Done "
    assert one.done
    assert one.feed(b"more") == b""
    assert one.end() == b""


def test_usage_is_kept():
    """The last one counts."""
    one = translated([events.UsageUpdate(Usage(1)), events.UsageUpdate(Usage(1, output=2))], [])
    one.feed(b"x")
    assert one.usage == Usage(1, output=2)
    assert one.end() == b""
    assert not one.done


def whole() -> Whole:
    from llm_gateway.dialects.openai_chat.stream_out import OpenAIWriter

    return Whole(OPENAI_CHAT, OpenAIWriter(include_usage=True, created=1))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_whole_answer_becomes_a_stream(size):
    """U21, U27: JSON in place of a stream is collected, however it is cut, and written as the stream it should have been."""
    body = said("hello").partition(b"\r\n\r\n")[2]
    one = whole()
    assert all(one.feed(body[n : n + size]) == b"" for n in range(0, len(body), size))
    assert not one.committed
    out = one.end()
    assert one.committed
    assert one.done
    assert one.usage == Usage(3, output=2)
    assert b'"content":"hello"' in out
    assert out.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"null", b'{"error":{"message":"no"}}'])
def test_what_is_no_answer_is_malformed(body):
    """U20, U21: HTML, half a document or an error are never passed on."""
    one = whole()
    if body:
        one.feed(body)
    with pytest.raises(UpstreamMalformed):
        one.end()
    assert not one.done


def test_a_whole_answer_is_bounded(monkeypatch):
    """What does not stop is not collected."""
    monkeypatch.setattr(transform, "WHOLE_BYTES", 10)
    one = whole()
    one.feed(b"{" * 10)
    with pytest.raises(UpstreamMalformed):
        one.feed(b"{")


def test_a_reply_without_parts_still_ends():
    """An empty answer is the smallest stream, not an error."""
    reply = ChatReply("id", "m", (Choice(0, (Text(""),), "stop"),))
    assert [type(event).__name__ for event in transform.unfold(reply)] == ["Start", "TextDelta", "Finish", "Done"]

"""Reading a stream event by event, and by likeness: the same events."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.events import Event, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from splits import cut, points

texts = st.lists(
    st.text(min_size=1, max_size=6) | st.sampled_from(['"', "\\", "\n", "é", "\\u00e9", '","x":"']), min_size=1, max_size=12
)


def chunk(name: str, text: str, **more: object) -> bytes:
    document = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {name: text}, "logprobs": None, **more}]}
    return b"data: %b\n\n" % msgspec.json.encode(document)


def said(events: list[Event], kind: type[TextDelta | ReasoningDelta]) -> list[str]:
    return [event.text for event in events if isinstance(event, kind)]


@given(texts, points)
def test_every_text_is_read_as_it_was_written(pieces: list[str], cuts: list[int]) -> None:
    """Whatever a piece holds, and wherever the bytes are cut, it is one event of its own."""
    stream = (
        b"".join(chunk("content", piece) for piece in pieces) + chunk("content", "", finish_reason="stop") + b"data: [DONE]\n\n"
    )
    reader = OPENAI_CHAT.stream_reader()
    assert said([event for read in cut(stream, cuts) for event in reader.feed(read)], TextDelta) == pieces


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_and_text_are_told_apart(name: str) -> None:
    """A run of one kind ends where the other begins."""
    stream = b"".join([chunk(name, "a"), chunk(name, "b"), chunk("content", "c"), chunk("content", "d"), chunk(name, "e")])
    events = OPENAI_CHAT.stream_reader().feed(stream)
    assert (said(events, ReasoningDelta), said(events, TextDelta)) == (["a", "b", "e"], ["c", "d"])


def test_nothing_is_said_after_the_end() -> None:
    """What looks like another piece of text behind the finish reason is none."""
    stream = chunk("content", "a") + chunk("content", "b") + chunk("content", "", finish_reason="stop") + chunk("content", "c")
    assert said(OPENAI_CHAT.stream_reader().feed(stream), TextDelta) == ["a", "b"]


def test_another_choice_is_another_choice() -> None:
    """The index is part of what must be equal."""
    stream = chunk("content", "a") + chunk("content", "b") + chunk("content", "c", index=1)
    found = [(event.choice, event.text) for event in OPENAI_CHAT.stream_reader().feed(stream) if isinstance(event, TextDelta)]
    assert found == [(0, "a"), (0, "b"), (1, "c")]


def test_lone_surrogates_are_repaired_in_every_piece() -> None:
    """A piece that cannot be read by likeness goes through the parser, which repairs it."""
    broken = chunk("content", "XX").replace(b"XX", b"x\\ud83d")
    events = OPENAI_CHAT.stream_reader().feed(chunk("content", "a") + chunk("content", "b") + broken + chunk("content", "c"))
    assert said(events, TextDelta) == ["a", "b", "x\ufffd", "c"]


@given(texts, points)
def test_anthropics_blocks(pieces: list[str], cuts: list[int]) -> None:
    """Text and arguments of two calls: each delta belongs to the block that is open."""

    def event(kind: str, **members: object) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))

    def block(index: int, head: dict[str, object], kind: str, name: str) -> bytes:
        deltas = b"".join(event("content_block_delta", index=index, delta={"type": kind, name: piece}) for piece in pieces)
        start = event("content_block_start", index=index, content_block=head)
        return start + deltas + event("content_block_stop", index=index)

    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
    stream = event("message_start", message=message)
    stream += block(0, {"type": "text", "text": ""}, "text_delta", "text")
    for index in (1, 2):
        head = {"type": "tool_use", "id": f"t{index}", "name": "f", "input": {}}
        stream += block(index, head, "input_json_delta", "partial_json")
    reader = ANTHROPIC_MESSAGES.stream_reader()
    events = [found for read in cut(stream, cuts) for found in reader.feed(read)]
    assert said(events, TextDelta) == pieces
    for index in (0, 1):
        assert [e.arguments for e in events if isinstance(e, ToolCallDelta) and e.index == index] == pieces

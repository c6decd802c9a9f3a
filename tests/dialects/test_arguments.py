"""Arguments of calls as objects."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.core.chat import ChatReply, ChatRequest, Choice, Message, Text, ToolCall
from llm_gateway.core.unfold import unfold
from llm_gateway.dialects.arguments import arguments_of, input_of, unread
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.integers(0, 4))
def test_an_object_is_kept_on_one_line(value: dict[str, object], indent: int) -> None:
    """Whatever the layout, the value stays and no line of a stream ends within it."""
    found = input_of(ToolCall("c", "f", msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()))
    assert found is not None
    assert msgspec.json.decode(found) == value
    assert b"\n" not in bytes(found)


@pytest.mark.parametrize("text", ["[1]", '"x"', "{", '{"a":1}}', "nonsense"])
def test_what_is_no_object_is_none(text: str) -> None:
    """It is shown as text instead, under one name."""
    assert input_of(ToolCall("c", "f", text)) is None
    assert msgspec.json.decode(unread(text)) == {"_raw": text}


def test_numbers_keep_their_spelling() -> None:
    """1.50 and a number beyond 64 bits are the caller's to read."""
    assert bytes(input_of(ToolCall("c", "f", '{\n"a": 1.50,\n"b": 123456789012345678901234567890}')) or b"") == (
        b'{"a":1.50,"b":123456789012345678901234567890}'
    )


@pytest.mark.parametrize("front", [OLLAMA_CHAT, GeminiFront("m", stream=True)], ids=["ollama", "gemini"])
def test_a_streamed_call_is_one_line(front: object) -> None:
    """Arguments over several lines break neither NDJSON nor events that clients read line by line."""
    request = ChatRequest("m", (Message("user", (Text("Hi"),)),), stream=True)
    reply = ChatReply("a", "m", (Choice(0, (ToolCall("c", "f", '{\n  "a": 1,\r\n  "b": 2\n}'),), "tool_calls"),))
    lines = front.stream_writer(request).feed(unfold(reply)).splitlines()  # type: ignore[attr-defined]
    documents = [msgspec.json.decode(line.removeprefix(b"data: ")) for line in lines if line]
    assert '"b":2' in msgspec.json.encode(documents).decode()


@pytest.mark.parametrize("text", ["", " ", "null", " null\n"])
def test_no_arguments_are_an_empty_object(text: str) -> None:
    """Some models write null where a tool takes nothing."""
    assert input_of(ToolCall("a", "f", text)) == Raw(b"{}")


def test_an_input_of_nothing_is_an_empty_object() -> None:
    """As servers of Anthropic's and Bedrock's APIs give it, read as text."""
    assert (arguments_of(Raw(b"null")), arguments_of(Raw(b'{"a":1}'))) == ("{}", '{"a":1}')

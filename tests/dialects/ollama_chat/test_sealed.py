"""What other makers sealed goes through Ollama's clients in the ids of calls."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.chat import ChatReply, ChatRequest, Choice, Message, Part, Reasoning, Text, ToolCall
from llm_gateway.core.unfold import unfold
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.ollama_chat.sealed import seal, unseal

ASKED = ChatRequest("m", (Message("user", (Text("Hi"),)),), stream=True)
texts = st.text(max_size=8)
thoughts = st.builds(Reasoning, text=texts, signature=st.text(min_size=1, max_size=9)) | st.builds(
    Reasoning, redacted=st.text(min_size=1, max_size=9)
)


def echoed(*messages: dict[str, Any]) -> ChatRequest:
    said = [{"role": "user", "content": "Hi"}, *messages]
    return OLLAMA_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": said}))


def both_ways(*parts: Part) -> list[tuple[Part, ...]]:
    """The answer as a client sends it back: of a whole one, and of a stream whose lines it joined."""
    reply = ChatReply("a", "m", (Choice(0, parts, "tool_calls"),))
    whole = msgspec.json.decode(OLLAMA_CHAT.render_reply(reply, ASKED))["message"]
    joined: dict[str, Any] = {"role": "assistant", "content": "", "thinking": "", "tool_calls": []}
    for line in OLLAMA_CHAT.stream_writer(ASKED).feed(unfold(reply)).splitlines():
        for name, value in msgspec.json.decode(line)["message"].items():
            if name != "role":
                joined[name] += value
    return [echoed(message).messages[1].parts for message in (whole, joined)]


@given(st.lists(thoughts, min_size=1, max_size=4), st.lists(thoughts, max_size=2))
def test_thoughts_come_back_before_their_calls(first: list[Reasoning], second: list[Reasoning]) -> None:
    """Byte for byte, in their order, of whole answers and of streams."""
    calls = (ToolCall("one", "f", "{}"), ToolCall("two", "g", "{}"))
    for parts in both_ways(*first, calls[0], *second, calls[1]):
        assert [part for part in parts if isinstance(part, ToolCall)] == list(calls)
        assert [part for part in parts if isinstance(part, Reasoning)] == [*first, *second]


def test_a_thought_behind_text_stays_behind_it() -> None:
    """Gemini signs a call that follows text; the signature belongs to the call."""
    parts = (Text("I look."), Reasoning("", "gemini/x"), ToolCall("one", "f", "{}"))
    assert both_ways(*parts) == [parts, parts]


def test_a_thought_between_calls_stays_between_them() -> None:
    """Anthropic's models think between their calls, and want it back there."""
    parts = (Reasoning("a", "s"), ToolCall("one", "f", "{}"), Reasoning("b", "t"), ToolCall("two", "g", "{}"))
    assert both_ways(*parts) == [parts, parts]


def test_thoughts_that_nobody_sealed_change_no_id() -> None:
    """They are text like any other."""
    assert seal([Reasoning("hm"), ToolCall("one", "f", "{}")]) == [ToolCall("one", "f", "{}")]


@pytest.mark.parametrize(
    "ident",
    ["one", "one.sealed.", "one.sealed.!", "one.sealed.AAAA", "one.sealed.W1sxXV0", "one.sealed.W1stMSxudWxsLG51bGwsZmFsc2VdXQ"],
)
def test_other_ids_are_themselves(ident: str) -> None:
    """Whatever a client made of them: no state, no error."""
    assert unseal(ident) == (ident, [])


def test_a_thought_that_the_client_changed_is_left_out() -> None:
    """Its seal would not fit its text any more."""
    (call,) = seal([Reasoning("a long thought", "sig"), ToolCall("one", "f", "{}")])
    message = {
        "role": "assistant",
        "thinking": "short",
        "tool_calls": [{"id": call.id, "function": {"name": "f", "arguments": {}}}],
    }
    assert echoed(message).messages[1].parts == (Reasoning("short"), ToolCall("one", "f", "{}"))


def test_a_result_finds_its_call_by_either_id() -> None:
    """Clients that know of tool_call_id send the sealed one."""
    (call,) = seal([Reasoning("", "sig"), ToolCall("one", "f", "{}")])
    said = {"role": "assistant", "content": "", "tool_calls": [{"id": call.id, "function": {"name": "f", "arguments": {}}}]}
    for ident in (call.id, "one"):
        result = echoed(said, {"role": "tool", "tool_call_id": ident, "content": "x"}).messages[2].parts[0]
        assert getattr(result, "id", None) == "one"


def test_an_ollama_server_is_never_sent_one() -> None:
    """A request that holds one does not pass as it is, though the dialect is the same; the loss is named."""
    (call,) = seal([Reasoning("", "sig"), ToolCall("one", "f", "{}")])
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": call.id}]}]})
    assert OLLAMA_CHAT.holds_foreign(body)
    assert not OLLAMA_CHAT.holds_foreign(b'{"model":"m","messages":[]}')

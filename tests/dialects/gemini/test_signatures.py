"""Opaque state through clients of every dialect."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.strategies import texts
from llm_gateway.core.chat import Reasoning
from llm_gateway.core.unfold import unfold
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from llm_gateway.dialects.gemini.signatures import tag, untag, unwrap, wrap
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

FRONT = GeminiFront("m")
SIGNED = [
    {"text": "Let me think.", "thought": True},
    {"text": "I look.", "thoughtSignature": "VGV4dA+/=="},
    {"functionCall": {"name": "look", "args": {"at": 1}, "id": "a1"}, "thoughtSignature": "Q2FsbA-_"},
    {"functionCall": {"name": "look", "args": {"at": 2}, "id": "a2"}},
]
LAST = [{"text": "Done."}, {"text": "", "thoughtSignature": "RW5k"}]


def answer(parts: object) -> bytes:
    return msgspec.json.encode(
        {
            "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}],
            "responseId": "r",
            "modelVersion": "m",
        }
    )


def model_parts(body: bytes) -> list[dict]:
    contents = msgspec.json.decode(body)["contents"]
    return next(content["parts"] for content in contents if content["role"] == "model")


def by_openai(message: dict) -> list[dict]:
    """What Gemini is sent when an OpenAI client sends its message back."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "go"}]}
    return model_parts(GEMINI.render_request(OPENAI_CHAT.parse_request(msgspec.json.encode(body)), Target("gemini-3-pro")).body)


def by_anthropic(content: list) -> list[dict]:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}, {"role": "user", "content": "go"}]
    body = {"model": "m", "max_tokens": 9, "messages": messages}
    return model_parts(
        GEMINI.render_request(ANTHROPIC_MESSAGES.parse_request(msgspec.json.encode(body)), Target("gemini-3-pro")).body
    )


@pytest.mark.parametrize("parts", [SIGNED, LAST, [{"text": "T", "thought": True, "thoughtSignature": "VA=="}, {"text": "x"}]])
def test_signatures_come_back_through_an_anthropic_client(parts):
    """Each on the part that carried it, to the byte; what was thought without a signature goes along with the next one."""
    reply = GEMINI.parse_reply(answer(parts))
    sent = by_anthropic(msgspec.json.decode(ANTHROPIC_MESSAGES.render_reply(reply))["content"])
    assert [part for part in sent if "thoughtSignature" in part] == [part for part in parts if "thoughtSignature" in part]
    assert [part for part in sent if "thoughtSignature" not in part] == [
        part for part in parts if "thoughtSignature" not in part and not part.get("thought")
    ]


@pytest.mark.parametrize("parts", [SIGNED, LAST])
def test_signatures_come_back_through_an_openai_client(parts):
    """It joins texts and sends reasoning first; calls and texts have their own again."""
    reply = GEMINI.parse_reply(answer(parts))
    sent = by_openai(msgspec.json.decode(OPENAI_CHAT.render_reply(reply))["choices"][0]["message"])
    assert [part for part in sent if "thoughtSignature" in part] == [part for part in parts if "thoughtSignature" in part]


def test_signatures_come_back_from_a_stream():
    """The same entries reach a client that put a stream together."""
    reply = GEMINI.parse_reply(answer(SIGNED))
    request = OPENAI_CHAT.parse_request(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}')
    stream = OPENAI_CHAT.stream_writer(request).feed(unfold(reply))
    chunks = [msgspec.json.decode(event[6:]) for event in stream.split(b"\n\n") if event.startswith(b"data: {")]
    details = [entry for chunk in chunks for entry in chunk["choices"][0]["delta"].get("reasoning_details", ())]
    whole = msgspec.json.decode(OPENAI_CHAT.render_reply(reply))["choices"][0]["message"]["reasoning_details"]
    assert [entry["signature"] for entry in details] == [entry["signature"] for entry in whole if "signature" in entry]


def test_other_families_come_back_through_a_gemini_client():
    """Their thinking is a thought, their state an envelope in base64, in either alphabet and without its padding."""
    thinking = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqR/+="},
        {"type": "redacted_thinking", "data": "x?>~"},
        {"type": "text", "text": "Yes."},
    ]
    reply = ANTHROPIC_MESSAGES.parse_reply(
        msgspec.json.encode({"id": "m", "type": "message", "model": "c", "content": thinking, "stop_reason": "end_turn"})
    )
    content = msgspec.json.decode(FRONT.render_reply(reply))["candidates"][0]["content"]
    for part in content["parts"][:2]:
        part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_").rstrip("=")
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, content, {"role": "user", "parts": [{"text": "go"}]}]}
    request = FRONT.parse_request(msgspec.json.encode(body))
    sent = msgspec.json.decode(ANTHROPIC_MESSAGES.render_request(request, Target("claude-opus-5")).body)
    assert sent["messages"][1]["content"] == thinking


def test_thinking_that_streamed_is_whole_with_its_signature():
    """A Gemini client sends the pieces back as they came; Anthropic wants the block."""
    reply = ANTHROPIC_MESSAGES.parse_reply(
        b'{"type":"message","content":[{"type":"thinking","thinking":"A B","signature":"sig"},{"type":"text","text":"t"}],'
        b'"stop_reason":"end_turn"}'
    )
    pieces = [{"text": "A ", "thought": True}, {"text": "B", "thought": True}]
    pieces.append({"text": "", "thought": True, "thoughtSignature": wrap(Reasoning("A B", "sig"))})
    body = {"contents": [{"role": "model", "parts": [*pieces, {"text": "t"}]}]}
    assert FRONT.parse_request(msgspec.json.encode(body)).messages[0].parts == reply.choices[0].parts


def test_calls_that_gemini_did_not_make():
    """Gemini 3 demands a signature: it is told that there is none. Older models are not, nor is Gemini's own history touched."""
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    assert by_openai(message)[0]["thoughtSignature"] == "skip_thought_signature_validator"
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}, message]})
    old = GEMINI.render_request(OPENAI_CHAT.parse_request(body), Target("gemini-2.5-pro"))
    assert "thoughtSignature" not in model_parts(old.body)[0]
    own = {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}]}
    same = GEMINI.render_request(FRONT.parse_request(msgspec.json.encode(own)), Target("gemini-3-pro"))
    assert msgspec.json.decode(same.body) == own


def test_gemini_is_never_shown_anothers_state():
    """It is named as dropped."""
    body = (
        b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":['
        b'{"type":"thinking","thinking":"Hm.","signature":"secret"},{"type":"text","text":"a"}]}]}'
    )
    rendered = GEMINI.render_request(ANTHROPIC_MESSAGES.parse_request(body), Target("gemini-3-pro"))
    assert b"secret" not in rendered.body
    assert rendered.dropped == ["messages[1].content[0]"]


@settings(max_examples=80, deadline=None)
@given(texts, st.sampled_from(["t", "x", "e", "c0", "c12"]))
def test_tags_and_envelopes_hold_anything(state, place):
    """To the byte; nothing else is taken for one."""
    assert untag(tag(place, state)) == (place, state)
    assert unwrap(wrap(Reasoning("t", state)), "t") == Reasoning("t", state)
    assert unwrap(wrap(Reasoning(redacted=state)), "t") == Reasoning(redacted=state)
    assert untag(state) is None
    assert unwrap(state, "") is None


@pytest.mark.parametrize("bad", ["bGxtLWdhdGV3YXk6", "bGxtLWdhdGV3YXk6!!", "bGxtLWdhdGV3YXk6_____w", "bGxtLWdhdGV3YXk6cTph"])
def test_a_broken_envelope_is_a_signature(bad):
    """Of whoever made it."""
    assert unwrap(bad, "") is None

"""Whole answers, both ways, and the look at those that pass."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given as all_of
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies
from llm_gateway.core.chat import ChatReply, Choice, Opaque, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

FRONT = GeminiFront("m")


def wire(*parts: object, finish: object = "STOP", **members: object) -> bytes:
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish}
    return msgspec.json.encode({"candidates": [candidate], **members})


def choice(*parts: object, **members: Any) -> Choice:
    return GEMINI.parse_reply(wire(*parts, **members)).choices[0]


def shown(*parts: Any, **members: Any) -> dict[str, Any]:
    return msgspec.json.decode(FRONT.render_reply(ChatReply("r", "m", (Choice(0, parts, **members),))))["candidates"][0]


def test_a_rich_answer():
    """With everything in it, read and shown in each dialect; its own client sees what the provider said."""
    reply = GEMINI.parse_reply(recorded("gemini/rich.reply.json"))
    agrees("gemini/rich.reply.neutral.json", encode(reply))
    agrees("gemini/rich.reply.own.json", FRONT.render_reply(reply))
    agrees("gemini/rich.reply.openai.json", OPENAI_CHAT.render_reply(reply))
    agrees("gemini/rich.reply.anthropic.json", ANTHROPIC_MESSAGES.render_reply(reply))


def test_the_look_at_one_that_passes():
    """Its usage and model."""
    facts = GEMINI.check_reply(recorded("gemini/rich.reply.json"))
    assert facts.model == "gemini-3-pro"
    assert facts.usage == Usage(input=25, cache_read=10, output=12, reasoning=40)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"<html>", b'"x"', b'{"candidates":[]}', b'{"candidates":null,"usageMetadata":{}}',
        b'{"error":{"code":500,"message":"m"}}', b'[{"error":{"message":"m"}}]', b'{"candidates":[3]}', b'{"candidates":[{"content":"x"}]}',
        b'{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}', b'{"candidates":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_malformed(body):
    """Under any status of success."""
    for look in (GEMINI.check_reply, GEMINI.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(body)


@pytest.mark.parametrize("part", [3, {"text": 3}, {"functionCall": []}, {"functionCall": {"name": 3}}])
def test_parts_that_cannot_be_read(part):
    """Are malformed where they have to be translated."""
    with pytest.raises(UpstreamMalformed):
        GEMINI.parse_reply(wire(part))


def test_a_blocked_prompt_is_an_answer():
    """Without candidates: the content was filtered, and the reason is told where Google tells it."""
    body = b'{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"No."},"usageMetadata":{"promptTokenCount":3}}'
    assert GEMINI.check_reply(body).usage == Usage(input=3)
    assert GEMINI.parse_reply(body).choices == (Choice(0, (Refusal("No."),), "content_filter"),)
    bare = GEMINI.parse_reply(b'{"promptFeedback":{"blockReason":"OTHER"}}')
    assert bare.choices == (Choice(0, (), "content_filter"),)
    message = msgspec.json.decode(OPENAI_CHAT.render_reply(bare))["choices"][0]
    assert message["finish_reason"] == "content_filter"


def test_candidates_without_content_are_answers():
    """Their reason says why."""
    body = b'{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"m"}]}'
    assert GEMINI.check_reply(body).usage is None
    assert GEMINI.parse_reply(body).choices == (Choice(0, (), "error"),)
    filtered = b'{"candidates":[{"finishReason":"SAFETY","finishMessage":"Unsafe.","content":{}}]}'
    assert GEMINI.parse_reply(filtered).choices == (Choice(0, (Refusal("Unsafe."),), "content_filter"),)


def test_calls_without_ids_get_stable_ones():
    """Which a Gemini client is not shown."""
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    got = choice(call, call, responseId="R-1_x")
    assert [part.id for part in got.parts] == ["call_g_R-1_x_0", "call_g_R-1_x_1"]
    assert got.finish == "tool_calls"
    assert shown(*got.parts, finish=got.finish)["content"]["parts"] == [call, call]


def test_media_that_a_model_made():
    """Goes along whole, with its signature."""
    part = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"}
    (opaque,) = choice(part).parts
    assert isinstance(opaque, Opaque)
    assert shown(opaque)["content"]["parts"] == [part]


def test_several_candidates():
    """Each with its index, or its place."""
    body = {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"} for text in "ab"]}
    got = GEMINI.parse_reply(msgspec.json.encode(body)).choices
    assert [(one.index, one.parts) for one in got] == [(0, (Text("a"),)), (1, (Text("b"),))]


def test_an_array_is_the_fold_of_its_pieces():
    """What a stream without alt=sse is."""
    pieces = [msgspec.json.decode(wire({"text": text}, finish=None)) for text in ("a", "b")]
    pieces.append(msgspec.json.decode(wire(usageMetadata={"promptTokenCount": 1, "candidatesTokenCount": 2})))
    reply = GEMINI.parse_reply(b"\n" + msgspec.json.encode(pieces))
    assert reply.choices == (Choice(0, (Text("ab"),), "stop"),)
    assert reply.usage == Usage(input=1, output=2)


def test_damage_that_can_be_mended():
    """A BOM, and what is not UTF-8."""
    assert GEMINI.parse_reply(b"\xef\xbb\xbf" + wire({"text": "a?b"}).replace(b"?", b"\xff")).choices[0].parts == (
        Text("a\ufffdb"),
    )


def test_answers_of_others():
    """Thoughts with their state, refusals as text, arguments as an object, sources as grounding in bytes."""
    place = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "A", "start_index": 3, "end_index": 5}}
    candidate = shown(
        Reasoning("hm"),
        Text("Zü: ok", citations=(place, {"type": "other"})),
        ToolCall("c1", "f", "[1]"),
        Refusal("no"),
        Opaque("anthropic_messages", "x", Raw(b"{}")),
        finish="stop",
    )
    assert candidate["content"]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "Zü: ok"},
        {"functionCall": {"name": "f", "args": {"_raw": "[1]"}, "id": "c1"}},
        {"text": "no"},
    ]
    assert candidate["finishReason"] == "SAFETY"
    assert candidate["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 6, "text": " o"}, "groundingChunkIndices": [0]}],
    }


@settings(max_examples=40, deadline=None)
@all_of(replies())
def test_whatever_is_shown_can_be_read_again(reply):
    """With the same texts, thoughts, calls and totals."""
    again = GEMINI.parse_reply(FRONT.render_reply(reply))
    assert (again.id, again.model, again.created) == (reply.id, reply.model, reply.created)
    for before, after in zip(reply.choices, again.choices, strict=True):
        for kind in (Reasoning, ToolCall):
            assert [part for part in after.parts if isinstance(part, kind)] == [
                part for part in before.parts if isinstance(part, kind)
            ]
        told = "".join(part.text for part in before.parts if isinstance(part, Text | Refusal))
        assert "".join(part.text for part in after.parts if isinstance(part, Text | Refusal)) == told
    if reply.usage is not None:
        assert (again.usage.prompt, again.usage.completion) == (reply.usage.prompt, reply.usage.completion)


_leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["STOP", "x", ""])
_members = [
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "finishReason",
]
_members += [
    "index",
    "usageMetadata",
    "promptTokenCount",
    "groundingMetadata",
    "groundingChunks",
    "groundingSupports",
    "web",
    "uri",
]
_members += [
    "segment",
    "startIndex",
    "logprobsResult",
    "chosenCandidates",
    "token",
    "promptFeedback",
    "blockReason",
    "error",
    "createTime",
]


@settings(max_examples=150, deadline=None)
@all_of(
    st.recursive(
        _leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_members), inner, max_size=4),
        max_leaves=25,
    )
)
def test_any_document_is_an_answer_or_malformed(document):
    """Nothing else is raised; and what was read can be shown."""
    extra = document if isinstance(document, dict) else {}
    for body in (document, {"candidates": [{"content": {"parts": [document, {"text": "x"}]}, **extra}], "responseId": "r"}):
        try:
            reply = GEMINI.parse_reply(msgspec.json.encode(body))
        except UpstreamMalformed:
            continue
        for front in (FRONT, OPENAI_CHAT, ANTHROPIC_MESSAGES):
            msgspec.json.decode(front.render_reply(reply))

"""Mistral's answers: lists of content, and their reasoning as reasoning everywhere."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.mistral_chat import MISTRAL_CHAT
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.providers.transform import Translated

THOUGHT = {
    "type": "thinking",
    "thinking": [{"type": "text", "text": "two "}, {"type": "text", "text": "and two"}],
    "closed": True,
}
USAGE = {
    "prompt_tokens": 9,
    "total_tokens": 585,
    "completion_tokens": 201,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
}


def reply(content: Any, finish: str = "stop", **message: Any) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "tool_calls": None, "content": content, **message},
    }
    return msgspec.json.encode(
        {"id": "i", "model": "magistral", "object": "chat.completion", "usage": USAGE, "choices": [choice]}
    )


def test_reasoning_is_reasoning_in_every_dialect() -> None:
    """Its list of content never reaches a client, whose SDK knows text only."""
    parsed = MISTRAL_CHAT.parse_reply(reply([THOUGHT, {"type": "text", "text": "4"}]))
    shown = msgspec.json.decode(OPENAI_CHAT.render_reply(parsed))["choices"][0]["message"]
    assert (shown["content"], shown["reasoning_content"]) == ("4", "two and two")
    blocks = msgspec.json.decode(ANTHROPIC_MESSAGES.render_reply(parsed))["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text"]
    parts = msgspec.json.decode(GeminiFront("m").render_reply(parsed))["candidates"][0]["content"]["parts"]
    assert [part.get("thought", False) for part in parts] == [True, False]
    request = OPENAI_RESPONSES.parse_request(b'{"model":"m","input":"x"}')
    items = msgspec.json.decode(OPENAI_RESPONSES.render_reply(parsed, request))["output"]
    assert [item["type"] for item in items] == ["reasoning", "message"]
    message = msgspec.json.decode(OLLAMA_CHAT.render_reply(parsed))["message"]
    assert (message["content"], message["thinking"]) == ("4", "two and two")


def test_a_stream_says_the_same() -> None:
    """Pieces of thinking come as lists, pieces of text as text; usage stands in the last chunk."""
    chunk = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "magistral"}
    pieces = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "two "}]}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "and two"}], "closed": True}]},
        {"content": "4"},
    ]
    documents = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in pieces]
    documents.append({**chunk, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": USAGE})
    data = b"".join(b"data: " + msgspec.json.encode(document) + b"\n\n" for document in documents) + b"data: [DONE]\n\n"
    request = OPENAI_CHAT.parse_request(b'{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}')
    transform = Translated(MISTRAL_CHAT.stream_reader(), OPENAI_CHAT.stream_writer(request), "m", "i")
    out = transform.feed(data)
    deltas = [msgspec.json.decode(line[6:])["choices"][0]["delta"] for line in out.split(b"\n\n")[:-2]]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "two and two"
    assert "".join(delta.get("content") or "" for delta in deltas) == "4"
    assert transform.done
    assert transform.usage is not None
    assert transform.usage.completion == 201


def test_speech_is_counted_beside_the_prompt() -> None:
    """total_tokens shows that audio stands outside of prompt_tokens."""
    assert MISTRAL_CHAT.parse_reply(reply("x")).usage == Usage(input=9, output=201, audio_input=375)


def test_a_full_context_is_a_length() -> None:
    """Its own word for it."""
    assert MISTRAL_CHAT.parse_reply(reply("x", "model_length")).choices[0].finish == "length"


def test_calls_lack_a_type_and_keep_their_id() -> None:
    """What comes out is a whole call, and its id comes back as it went."""
    call = {"id": "FNGakp69z", "index": 0, "function": {"name": "f", "arguments": "{}"}}
    shown = msgspec.json.decode(OPENAI_CHAT.render_reply(MISTRAL_CHAT.parse_reply(reply("", "tool_calls", tool_calls=[call]))))
    assert shown["choices"][0]["message"]["tool_calls"] == [
        {"id": "FNGakp69z", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_references_are_carried_whole() -> None:
    """Parts that nobody else has reach an OpenAI client beside the text."""
    reference = {"type": "reference", "reference_ids": [1]}
    message = msgspec.json.decode(
        OPENAI_CHAT.render_reply(MISTRAL_CHAT.parse_reply(reply([{"type": "text", "text": "a"}, reference])))
    )
    assert message["choices"][0]["message"]["opaque_blocks"][0]["block"] == reference


def test_errors_are_read() -> None:
    """Both of its shapes."""
    own = MISTRAL_CHAT.parse_error(
        400, b'{"object":"error","message":"Unexpected role","type":"invalid_request_message_order","code":"3230"}'
    )
    assert (own.message, own.code) == ("Unexpected role", "3230")
    detail = b'{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}'
    assert MISTRAL_CHAT.parse_error(422, detail).message == "body.seed: Extra inputs are not permitted"

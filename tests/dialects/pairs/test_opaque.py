"""What only its maker can read comes back to it byte for byte, through a client of any dialect, and goes to nobody else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.unfold import unfold
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.registry import DIALECTS

SEALED = "RXVZQkNrWUlCeEFCR0FJaVFMMThsaz0rLw=="
ASKED = ChatRequest("m", (Message("user", (Text("Where?"),)),), stream=True)
CALL = {"where": "over the sea"}
FRONTS: dict[str, Any] = {
    name: DIALECTS[name] for name in ("openai_chat", "openai_responses", "anthropic_messages", "ollama_chat")
} | {"gemini": GeminiFront("m")}
MAKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic_messages": (
        "claude-sonnet-4-5",
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [
                {"type": "thinking", "thinking": "Let me look.", "signature": SEALED},
                {"type": "tool_use", "id": "toolu_1", "name": "find", "input": CALL},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    ),
    "gemini": (
        "gemini-2.5-pro",
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [{"functionCall": {"name": "find", "args": CALL}, "thoughtSignature": SEALED}],
                    },
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
            "modelVersion": "gemini-2.5-pro",
            "responseId": "r1",
        },
    ),
    "openai_responses": (
        "gpt-5",
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": "gpt-5",
            "status": "completed",
            "output": [
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SEALED},
                {
                    "type": "function_call",
                    "id": "fc_1",
                    "call_id": "call_1",
                    "name": "find",
                    "arguments": '{"where":"over the sea"}',
                    "status": "completed",
                },
            ],
            "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        },
    ),
}


def next_turn(front: str, shown: dict[str, Any]) -> dict[str, Any]:
    """The request that a client makes of an answer: what it was told, as it was told, and what its tool returned."""
    asked: dict[str, Any] = {"role": "user", "content": "Where?"}
    match front:
        case "openai_chat":
            said = shown["choices"][0]["message"]
            result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "here"}
            return {"model": "m", "messages": [asked, said, result]}
        case "openai_responses":
            call = next(item for item in shown["output"] if item["type"] == "function_call")
            result = {"type": "function_call_output", "call_id": call["call_id"], "output": "here"}
            return {"model": "m", "input": [asked, *shown["output"], result]}
        case "anthropic_messages":
            call = next(block for block in shown["content"] if block["type"] == "tool_use")
            result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "here"}]}
            return {
                "model": "m",
                "max_tokens": 99,
                "messages": [asked, {"role": "assistant", "content": shown["content"]}, result],
            }
        case "gemini":
            said = shown["candidates"][0]["content"]
            name, ident = (
                next(p for p in said["parts"] if "functionCall" in p)["functionCall"].get(key) for key in ("name", "id")
            )
            answered = {"functionResponse": {"name": name, **({"id": ident} if ident else {}), "response": {"output": "here"}}}
            return {"contents": [{"role": "user", "parts": [{"text": "Where?"}]}, said, {"role": "user", "parts": [answered]}]}
        case _:
            said = shown["message"]
            return {"model": "m", "messages": [asked, said, {"role": "tool", "tool_name": "find", "content": "here"}]}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("maker", MAKERS)
def test_it_comes_back_to_its_maker_and_to_nobody_else(maker: str, front: str) -> None:
    """A call after a sealed thought: the client sends what it was shown, and the maker is given its own bytes."""
    model, body = MAKERS[maker]
    reply = DIALECTS[maker].parse_reply(msgspec.json.encode(body))  # type: ignore[attr-defined]
    shown = msgspec.json.decode(FRONTS[front].render_reply(reply, ASKED))
    again = FRONTS[front].parse_request(msgspec.json.encode(next_turn(front, shown)))
    own = DIALECTS[maker].render_request(again, Target(model))  # type: ignore[attr-defined]
    assert SEALED in own.body.decode()
    for other in set(MAKERS) - {maker}:
        asked = again if other == front else FRONTS[front].portable(again)
        rendered = DIALECTS[other].render_request(asked, Target(MAKERS[other][0]))  # type: ignore[attr-defined]
        assert SEALED not in rendered.body.decode()
        assert "find" in rendered.body.decode()
        assert rendered.dropped


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("maker", MAKERS)
def test_streams_hold_the_same(maker: str, front: str) -> None:
    """What a whole answer shows of it, a stream shows too."""
    reply = DIALECTS[maker].parse_reply(msgspec.json.encode(MAKERS[maker][1]))  # type: ignore[attr-defined]
    whole = FRONTS[front].render_reply(reply, ASKED).decode()
    stream = FRONTS[front].stream_writer(ASKED).feed(unfold(reply)).decode()
    assert (SEALED in stream) == (SEALED in whole)

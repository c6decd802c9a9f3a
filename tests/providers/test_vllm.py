"""What servers of open models take beyond OpenAI's own parameters, for callers of other dialects."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers.registry import PROVIDER_TYPES

VLLM = PROVIDER_TYPES["vllm"].target("m")
SAID = [{"role": "user", "content": "hi"}]


def rendered(front: Any, body: dict[str, Any], target: Target = VLLM) -> tuple[dict[str, Any], list[str]]:
    made = OPENAI_CHAT.render_request(front.parse_request(msgspec.json.encode(body)), target)
    return msgspec.json.decode(made.body), made.dropped


def test_sampling_of_every_dialect_is_carried() -> None:
    """Anthropic's top_k, Gemini's topK, Ollama's options, by the server's own names; nothing is lost."""
    anthropic, lost = rendered(ANTHROPIC_MESSAGES, {"model": "m", "max_tokens": 9, "messages": SAID, "top_k": 7})
    assert (anthropic["top_k"], lost) == (7, [])
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    gemini, lost = rendered(GeminiFront("m"), {"contents": contents, "generationConfig": {"topK": 7}})
    assert (gemini["top_k"], lost) == (7, [])
    options = {"top_k": 7, "min_p": 0.1, "repeat_penalty": 1.2}
    ollama, lost = rendered(OLLAMA_CHAT, {"model": "m", "messages": SAID, "options": options})
    assert (ollama["top_k"], ollama["min_p"], ollama["repetition_penalty"], lost) == (7, 0.1, 1.2, [])


def test_llama_cpp_calls_the_penalty_otherwise() -> None:
    """As Ollama does, which is made of it."""
    body = {"model": "m", "messages": SAID, "options": {"repeat_penalty": 1.2}}
    made, lost = rendered(OLLAMA_CHAT, body, PROVIDER_TYPES["llamacpp"].target("m"))
    assert (made["repeat_penalty"], "repetition_penalty" in made, lost) == (1.2, False, [])


def test_who_does_not_take_it_is_not_sent_it() -> None:
    """OpenAI itself refuses these members; they are named as dropped."""
    options = {"top_k": 7, "min_p": 0.1, "repeat_penalty": 1.2, "num_ctx": 5}
    made, lost = rendered(OLLAMA_CHAT, {"model": "m", "messages": SAID, "options": options}, Target("m"))
    assert not {"top_k", "min_p", "repetition_penalty", "repeat_penalty"} & made.keys()
    assert set(lost) == {"top_k", "options.min_p", "options.repeat_penalty", "options.num_ctx"}


@pytest.mark.parametrize(
    ("thinking", "wanted"), [({"type": "disabled"}, False), ({"type": "enabled", "budget_tokens": 2000}, True)]
)
def test_thinking_is_switched(thinking: dict[str, Any], wanted: bool) -> None:
    """By both names that chat templates have for the switch."""
    made, lost = rendered(ANTHROPIC_MESSAGES, {"model": "m", "max_tokens": 9000, "messages": SAID, "thinking": thinking})
    assert made["chat_template_kwargs"] == {"enable_thinking": wanted, "thinking": wanted}
    assert ("reasoning_effort" in made) is wanted
    assert lost == (["thinking.budget_tokens"] if wanted else [])


def test_a_server_without_the_switch_is_not_sent_it() -> None:
    """And the loss is named."""
    body = {"model": "m", "max_tokens": 9, "messages": SAID, "thinking": {"type": "disabled"}}
    made, lost = rendered(ANTHROPIC_MESSAGES, body, Target("m"))
    assert ("chat_template_kwargs" in made, lost) == (False, ["thinking"])


def test_a_schema_is_guided_decoding() -> None:
    """What every dialect calls its own way is response_format here, which vLLM decodes by."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    made, lost = rendered(OLLAMA_CHAT, {"model": "m", "messages": SAID, "format": schema})
    assert (made["response_format"]["json_schema"]["schema"], lost) == (schema, [])


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_read_by_both_names(field: str) -> None:
    """Newer servers say reasoning, older ones reasoning_content."""
    message = {"role": "assistant", "content": "4", field: "two and two"}
    body = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    shown = msgspec.json.decode(ANTHROPIC_MESSAGES.render_reply(OPENAI_CHAT.parse_reply(msgspec.json.encode(body))))
    assert [block["type"] for block in shown["content"]] == ["thinking", "text"]
    assert shown["content"][0]["thinking"] == "two and two"

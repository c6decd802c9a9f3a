"""The request of a further leg, as each kind of deployment is given it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core.chat import Message, ReasoningRequest, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.base import Prefill, Rendered
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.continuing.asking import continued_request, prefill_of, prefilled, way
from llm_gateway.providers.registry import PROVIDER_TYPES
from providers.legs import request_of, story_of

SHOWN = "The sky is"
FAR = {"messages": (Message("user", (Text("why?"),)),), "max_tokens": 100}


def asked(dialect: str, kind: str, model: str, **more: Any) -> dict[str, Any] | None:
    """The body that a deployment of this kind is sent to go on; None: it is not asked that way."""
    target = PROVIDER_TYPES[kind].target(model)
    prefill = prefill_of(dialect, target)
    if prefill is None:
        return None
    request = continued_request(request_of("openai_chat", **FAR | more), SHOWN, "prefill")
    rendered = DIALECTS[dialect].render_request(request, target)
    return msgspec.json.decode(prefilled(rendered, prefill, SHOWN, switch=target.thinking_switch).body)


def test_anthropic_goes_on_from_the_assistants_message():
    """With the tokens that are left, and without the thinking that is over."""
    thinking = ReasoningRequest(enabled=True, budget=2000)
    body = asked("anthropic_messages", "anthropic", "claude-sonnet-4-5", max_tokens=4000, reasoning=thinking)
    assert body["messages"][-1] == {"role": "assistant", "content": SHOWN}
    assert body["max_tokens"] == 4000 - 2
    assert body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("dialect", "kind", "model", "can"),
    [
        ("anthropic_messages", "anthropic", "claude-opus-4-5", True),
        ("anthropic_messages", "anthropic", "claude-3-haiku-20240307", True),
        ("anthropic_messages", "anthropic", "claude-opus-4-6", False),
        ("anthropic_messages", "anthropic", "claude-sonnet-5", False),
        ("anthropic_messages", "anthropic", "someone", False),
        ("anthropic_messages", "bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("bedrock_converse", "bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("bedrock_converse", "bedrock", "anthropic.claude-opus-4-6-v1", False),
        ("bedrock_converse", "bedrock", "amazon.nova-lite-v1:0", False),
        ("anthropic_messages", "vertex", "claude-sonnet-4-5@20250929", True),
        ("anthropic_messages", "llamacpp", "qwen3", False),
        ("openai_chat", "openai", "gpt-4o", False),
        ("openai_chat", "openai_compatible", "any", False),
        ("ollama_chat", "ollama", "llama3.1", False),
        ("openai_responses", "groq", "llama", False),
        ("gemini", "gemini", "gemini-2.5-flash", False),
        ("openai_chat", "vllm", "m", True),
        ("openai_chat", "local", "m", True),
    ],
)
def test_who_goes_on_from_a_text(dialect, kind, model, can):
    """As their documentation says; nobody else is trusted to."""
    assert (prefill_of(dialect, PROVIDER_TYPES[kind].target(model)) is not None) is can


@pytest.mark.parametrize(
    ("dialect", "kind", "message", "members"),
    [
        ("openai_chat", "vllm", {}, {"continue_final_message": True, "add_generation_prompt": False}),
        ("openai_chat", "sglang", {}, {"continue_final_message": True}),
        ("openai_chat", "llamacpp", {}, {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
        ("openai_chat", "groq", {}, {}),
        ("openai_chat", "deepseek", {"prefix": True}, {}),
        ("openai_chat", "moonshot", {"partial": True}, {}),
        ("mistral_chat", "mistral", {"prefix": True}, {}),
    ],
)
def test_what_servers_want_to_be_told(dialect, kind, message, members):
    """In the message or in the request, besides the text itself."""
    body = asked(dialect, kind, "some-model")
    assert body["messages"] == [{"role": "user", "content": "why?"}, {"role": "assistant", "content": SHOWN, **message}]
    assert {name: body[name] for name in members} == members
    assert body["model"] == "some-model"
    body = asked(dialect, kind, "some-model", reasoning=ReasoningRequest(effort="high"))
    assert "reasoning" not in body
    assert "reasoning_effort" not in body


def test_bedrock_is_given_it_as_a_block():
    """Converse has lists of blocks only."""
    body = asked("bedrock_converse", "bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0")
    assert body["messages"][-1] == {"role": "assistant", "content": [{"text": SHOWN}]}


def test_who_verifies_is_asked_the_same_again():
    """Not a member differs."""
    request = request_of("openai_chat", **FAR)
    assert continued_request(request, SHOWN, "verify") is request


def test_a_token_is_left_in_any_case():
    """Zero would be refused; nothing said stays so."""
    request = request_of("openai_chat", **FAR | {"max_tokens": 1})
    assert continued_request(request, SHOWN * 100, "prefill").max_tokens == 1
    assert continued_request(request_of("openai_chat"), SHOWN, "prefill").max_tokens is None


def test_only_the_end_of_thinking_is_not_named():
    """It is over. Whatever else a deployment cannot be given counts as ever."""
    body = msgspec.json.encode({"messages": [{"role": "assistant", "content": SHOWN}]})
    rendered = prefilled(
        Rendered(body, ["thinking", "thinking.budget_tokens", "reasoning_effort", "seed"]), Prefill(), SHOWN, switch=False
    )
    assert rendered == Rendered(body, ["seed"])


@pytest.mark.parametrize(
    "document",
    [
        {"messages": []},
        {"input": SHOWN},
        {"messages": [{"role": "user", "content": SHOWN}]},
        {"messages": [{"role": "assistant", "content": "The"}]},
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": ["x"]},
    ],
)
def test_a_text_that_did_not_get_there_is_not_asked_for(document):
    """Such a server would begin anew."""
    with pytest.raises(Unsupported):
        prefilled(Rendered(msgspec.json.encode(document), []), Prefill(), SHOWN, switch=False)


def test_which_way_a_deployment_is_asked():
    """By prefill, unless it has none, one was not believed, or the caller's own words stand at the end."""
    story = story_of()
    assert way(story, Prefill()) == "prefill"
    assert way(story, None) == "verify"
    story.doubted = True
    assert way(story, Prefill()) == "verify"
    own = story_of(messages=(Message("user", (Text("hi"),)), Message("assistant", (Text("The"),))))
    assert way(own, Prefill()) == "verify"

"""Converse requests, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.bedrock_converse.asked import CLAUDE, EVERY, GPT_OSS, LLAMA, NEW_CLAUDE, NOVA, NOVA_2, OLD_CLAUDE, R1, render
from dialects.bedrock_converse.lawful import broken
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import Message, ReasoningRequest, ResponseFormat, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

CLOSED = '{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}'


def fields(**members: Any) -> Any:
    return render(**members)[0].get("additionalModelRequestFields")


def test_the_plainest_request():
    """Neither the model nor the stream stands in the body, and no maximum is made up."""
    assert render(stream=True) == ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, [])


@pytest.mark.parametrize("front", [OPENAI_CHAT, ANTHROPIC_MESSAGES])
@pytest.mark.parametrize("kind", ["conversation", "everything"])
@pytest.mark.parametrize(("model", "label"), [(CLAUDE, "claude"), (NOVA_2, "nova")])
def test_whole_requests_of_other_dialects(front, kind, model, label):
    """What was checked by eye, with everything that was left out."""
    request = front.parse_request(recorded(f"{front.name}/{kind}.request.json"))
    rendered = BEDROCK_CONVERSE.render_request(request, Target(model))
    body = msgspec.json.decode(rendered.body)
    assert broken(body) == []
    shown = msgspec.json.encode({"body": body, "dropped": rendered.dropped})
    agrees(f"bedrock_converse/{front.name}.{kind}.{label}.json", shown)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["openai_chat", "anthropic_messages"]).flatmap(requests), st.sampled_from(EVERY))
def test_every_request_keeps_the_rules(request, model):
    """Whatever a caller says: lawful, or refused as a whole; and nothing unknown is lost in silence."""
    try:
        rendered = BEDROCK_CONVERSE.render_request(request, Target(model))
    except Unsupported:
        return
    assert broken(msgspec.json.decode(rendered.body)) == []
    assert set(request.extra) <= set(rendered.dropped)
    assert len(set(rendered.dropped)) == len(rendered.dropped)


@pytest.mark.parametrize(
    ("model", "asked", "config", "lost"),
    [
        (OLD_CLAUDE, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "topP": 0.9}, []),
        (CLAUDE, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ["top_p"]),
        (CLAUDE, {"temperature": 2.0, "top_p": 1.0}, {"temperature": 1.0}, ["temperature"]),
        (NEW_CLAUDE, {"temperature": 0.5, "top_k": 3}, None, ["temperature", "top_k"]),
        (LLAMA, {"temperature": 1.5, "max_tokens": 9}, {"temperature": 1.0, "maxTokens": 9}, ["temperature"]),
        (CLAUDE, {"max_tokens": 0}, {"maxTokens": 1}, ["max_tokens"]),
        (LLAMA, {"stop": ("a",)}, None, ["stop"]),
        (NOVA, {"stop": ("a", " ")}, {"stopSequences": ["a"]}, ["stop"]),
        (R1, {"top_k": 3}, None, ["top_k"]),
    ],
)
def test_sampling(model, asked, config, lost):
    """What the model refuses is left out, what is out of range is brought into it, and both are named."""
    body, dropped = render(model=model, **asked)
    assert body.get("inferenceConfig") == config
    assert dropped == lost


@pytest.mark.parametrize(
    ("model", "shown"),
    [(CLAUDE, {"top_k": 5}), (NOVA, {"inferenceConfig": {"topK": 5}}), ("cohere.command-r-v1:0", {"k": 5})],
)
def test_top_k_by_family(model, shown):
    """Each has its own place for it."""
    assert fields(model=model, top_k=5) == shown


def test_claude_is_asked_which_stop_sequence_it_met():
    """Its answer says so only when asked, under another path in a stream."""
    assert render(stop=("a",))[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert render(stop=("a",), stream=True)[0]["additionalModelResponseFieldPaths"] == ["/delta/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in render(stop=("a",), model=NOVA)[0]


@pytest.mark.parametrize(
    ("model", "members", "shown", "lost"),
    [
        (CLAUDE, {"reasoning": ReasoningRequest(effort="low")}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, []),
        (CLAUDE, {"reasoning": ReasoningRequest(enabled=False)}, {"thinking": {"type": "disabled"}}, []),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="minimal")},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            ["reasoning_effort"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="high"), "temperature": 0.1},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            ["temperature"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(effort="high"), "max_tokens": 10},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            ["reasoning_effort"],
        ),
        (
            NOVA_2,
            {"reasoning": ReasoningRequest(enabled=True, budget=5000, display="omitted")},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            ["reasoning.display", "reasoning.max_tokens"],
        ),
        (NOVA_2, {"reasoning": ReasoningRequest(effort="none")}, {"reasoningConfig": {"type": "disabled"}}, []),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="high")}, {"reasoning_effort": "high"}, []),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="odd")}, None, ["reasoning_effort"]),
        (GPT_OSS, {"reasoning": ReasoningRequest(effort="none")}, None, ["reasoning_effort"]),
        (LLAMA, {"reasoning": ReasoningRequest(effort="low")}, None, ["reasoning_effort"]),
        (LLAMA, {"reasoning": ReasoningRequest(enabled=False)}, None, []),
    ],
)
def test_thinking_by_family(model, members, shown, lost):
    """In the words of each; what a family cannot do is named."""
    body, dropped = render(model=model, **members)
    assert body.get("additionalModelRequestFields") == shown
    assert dropped == lost


def test_adaptive_thinking_has_its_effort_in_the_output_config():
    """For the newest models, whoever asks."""
    body, _ = render(model=NEW_CLAUDE, reasoning=ReasoningRequest(effort="high"))
    assert body["outputConfig"] == {"effort": "high"}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    only = render(model=LLAMA, reasoning=ReasoningRequest(effort="high"), dialect="anthropic_messages")
    assert only[1] == ["output_config.effort"]


def test_structured_output():
    """The schema as JSON text, for the families that have it."""
    wanted = ResponseFormat("schema", "n", "d", Raw(CLOSED.encode()), strict=False)
    body, dropped = render(response_format=wanted)
    said = {"name": "n", "description": "d", "schema": CLOSED}
    assert body["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": said}}
    assert dropped == ["response_format.json_schema.strict"]
    assert render(response_format=wanted, model=NOVA)[1] == ["response_format"]
    assert render(response_format=ResponseFormat("json"))[1] == ["response_format"]
    assert render(response_format=ResponseFormat("text")) == render()
    assert render(response_format=wanted, model=NOVA, dialect="anthropic_messages")[1] == ["output_config.format"]


@pytest.mark.parametrize(
    ("tier", "shown", "lost"),
    [
        ("auto", None, []),
        ("flex", {"type": "flex"}, []),
        ("standard_only", {"type": "default"}, []),
        ("scale", None, ["service_tier"]),
    ],
)
def test_service_tiers(tier, shown, lost):
    """Auto says nothing."""
    body, dropped = render(service_tier=tier)
    assert body.get("serviceTier") == shown
    assert dropped == lost


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [(b'{"a":"b c"}', {"a": "b c"}), (b'{"a":1}', None), (b'{"a":"\xc3\xa9"}', None), (b'{"":"x"}', None)],
)
def test_metadata(metadata, shown):
    """For the invocation log, where its characters fit."""
    body, dropped = render(metadata=Raw(metadata))
    assert body.get("requestMetadata") == shown
    assert dropped == ([] if shown else ["metadata"])


def test_what_does_not_exist_here_is_named():
    """By the caller's own name for it."""
    lost = {
        "n": 2,
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
    }
    assert set(render(**lost)[1]) == set(lost)
    assert render(n=1, presence_penalty=0.0, logprobs=False)[1] == []
    assert render(user="u", stop=("a",), model=LLAMA, dialect="anthropic_messages")[1] == ["stop_sequences", "metadata.user_id"]
    assert render(Message("user", (Text("x"),), "bob"))[1] == ["messages[0].name"]


def test_the_apis_own_members_pass():
    """A caller of any dialect may name them; fields join ours, and win. Everything else is named."""
    extra = {
        "guardrailConfig": Raw(b'{"guardrailIdentifier":"g"}'),
        "additionalModelRequestFields": Raw(b'{"top_k":9,"x":1}'),
        "toolConfig": Raw(b"{}"),
        "messages[0].prefix": Raw(b"true"),
    }
    body, dropped = render(top_k=5, extra=extra)
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}
    assert body["additionalModelRequestFields"] == {"top_k": 9, "x": 1}
    assert "toolConfig" not in body
    assert dropped == ["toolConfig", "messages[0].prefix"]
    assert render(extra={"additionalModelRequestFields": Raw(b"3")})[1] == ["additionalModelRequestFields"]

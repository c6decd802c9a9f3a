"""How much thinking is asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core.chat import ChatRequest, Message, Reasoning, ReasoningRequest, Text, Tool, ToolCall, ToolChoice, ToolResult
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.anthropic_messages.thinking import Thinking, render_thinking
from llm_gateway.dialects.base import Target

OLD, NEW = Target("claude-sonnet-4-5", default_max_tokens=4000), Target("claude-opus-5", default_max_tokens=4000)
HI = Message("user", (Text("hi"),))


def think(
    wanted: ReasoningRequest | None,
    target: Target = OLD,
    messages: tuple[Message, ...] = (HI,),
    dialect: str = "openai_chat",
    **members: Any,
) -> tuple[Thinking, list[str]]:
    dropped: list[str] = []
    request = ChatRequest("m", messages, reasoning=wanted, dialect=dialect, **members)
    return render_thinking(request, target, dropped), dropped


def budget(effort: str, **members: Any) -> int | None:
    out, _ = think(ReasoningRequest(effort=effort), **members)
    return out.thinking and out.thinking["budget_tokens"]


def test_nothing_is_asked_for_nothing():
    """No reasoning wanted, no member sent."""
    assert think(None) == (Thinking(4000), [])


@pytest.mark.parametrize(
    ("effort", "tokens"), [("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24_576), ("xhigh", 24_576)]
)
def test_older_models_get_a_budget(effort, tokens):
    """By the effort."""
    assert budget(effort, max_tokens=60_000) == tokens


def test_a_budget_leaves_half_of_the_callers_maximum():
    """Down to the API's least; without room for that there is no thinking, which is named."""
    assert budget("high", max_tokens=10_000) == 5000
    assert budget("high", max_tokens=1500) == 1024
    out, dropped = think(ReasoningRequest(effort="high"), max_tokens=1024)
    assert (out.thinking, out.max_tokens, dropped) == (None, 1024, ["reasoning_effort"])


def test_a_budget_is_added_to_our_own_maximum():
    """Which was meant for the visible answer."""
    out, dropped = think(ReasoningRequest(effort="medium"))
    assert (out.max_tokens, out.thinking, dropped) == (12_192, {"type": "enabled", "budget_tokens": 8192}, [])


@pytest.mark.parametrize(
    ("effort", "shown", "lost"),
    [
        ("low", "low", []),
        ("xhigh", "xhigh", []),
        ("minimal", "low", ["reasoning_effort"]),
        ("heroic", None, ["reasoning_effort"]),
    ],
)
def test_newer_models_think_adaptively(effort, shown, lost):
    """With the effort that they know, and what they do not know is named."""
    out, dropped = think(ReasoningRequest(effort=effort), NEW)
    assert (out.thinking, out.effort, dropped) == ({"type": "adaptive"}, shown, lost)


def test_budgets_of_other_dialects():
    """A budget stays one where the model has budgets, and is the nearest effort where not."""
    wanted = ReasoningRequest(enabled=True, budget=2000, display="summarized")
    shown = {"type": "enabled", "budget_tokens": 2000, "display": "summarized"}
    assert think(wanted, max_tokens=9000)[0].thinking == shown
    out, dropped = think(wanted, NEW)
    assert (out.effort, dropped) == ("low", ["reasoning.max_tokens"])
    assert think(ReasoningRequest(enabled=True), max_tokens=60_000)[0].thinking == {"type": "enabled", "budget_tokens": 8192}


@pytest.mark.parametrize("target", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("wanted", [ReasoningRequest(enabled=False), ReasoningRequest(effort="none")])
def test_no_thinking_is_said(target, wanted):
    """Newer models think by themselves unless told."""
    out, dropped = think(wanted, target)
    assert (out.thinking, out.effort, dropped) == ({"type": "disabled"}, None, [])


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (ReasoningRequest(True, budget=512, display="omitted"), {"type": "enabled", "budget_tokens": 512, "display": "omitted"}),
        (ReasoningRequest(True, adaptive=True, effort="max"), {"type": "adaptive"}),
        (ReasoningRequest(effort="max"), None),
    ],
)
def test_a_caller_of_this_dialect_gets_what_he_asked_for(wanted, shown):
    """To the letter, whatever the model."""
    out, dropped = think(wanted, dialect="anthropic_messages", max_tokens=100)
    assert (out.thinking, out.effort, out.max_tokens, out.added, dropped) == (shown, wanted.effort, 100, False, [])


@pytest.mark.parametrize("target", [OLD, NEW], ids=["old", "new"])
def test_a_forced_tool_goes_before_thinking(target):
    """The API refuses both together; the effort of newer models stays."""
    forced = {"tools": (Tool("f"),), "tool_choice": ToolChoice("required")}
    out, dropped = think(ReasoningRequest(effort="high"), target, max_tokens=60_000, **forced)
    assert (out.thinking, dropped) == (None, ["reasoning_effort"])
    assert out.effort == ("high" if target is NEW else None)


def test_a_budget_cannot_begin_in_the_middle_of_a_turn():
    """The API wants thinking before the calls whose results it gets; signed thinking there, or a new turn, is as it wants it."""

    def after(*before: Any, then: tuple[Message, ...] = ()) -> Any:
        call, result = ToolCall("a", "f", "{}"), Message("tool", (ToolResult("a"),))
        messages = (HI, Message("assistant", (*before, call)), result, *then)
        return think(ReasoningRequest(effort="low"), messages=messages)[0].thinking

    assert after() is None
    assert after(Reasoning("hm")) is None
    assert after(Reasoning("hm", "signed")) is not None
    assert after(Reasoning(redacted="r")) is not None
    assert after(then=(HI,)) is not None


def test_thinking_that_was_added_takes_the_sampling_with_it():
    """The API refuses a temperature beside it."""
    request = ChatRequest("m", (HI,), reasoning=ReasoningRequest(effort="low"), temperature=0.2, top_p=0.5, dialect="openai_chat")
    rendered = ANTHROPIC_MESSAGES.render_request(request, OLD)
    assert msgspec.json.decode(rendered.body).keys() == {"model", "max_tokens", "messages", "thinking"}
    assert rendered.dropped == ["temperature", "top_p"]

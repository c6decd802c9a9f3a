"""How much thinking is asked of which model."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.core.chat import ChatRequest, Message, ReasoningRequest, Text
from llm_gateway.dialects.gemini.generation import generation_of
from llm_gateway.dialects.gemini.thinking import render_thinking


def ask(model: str, dialect: str = "openai_chat", **wanted: Any) -> tuple[Any, list[str]]:
    request = ChatRequest("m", (Message("user", (Text("hi"),)),), reasoning=ReasoningRequest(**wanted), dialect=dialect)
    dropped: list[str] = []
    return render_thinking(request, model, dropped), dropped


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("gemini-2.5-flash-lite", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("publishers/google/models/gemini-3.1-pro", (3, 1)),
        ("gemini-robotics-er-1.5-preview", (1, 5)),
        ("gemini-flash-latest", (99, 0)),
        ("gemma-3-27b-it", None),
        ("1234567890", None),
    ],
)
def test_generations(model, generation):
    """By the number in the name; without one it is the newest."""
    assert generation_of(model) == generation


@pytest.mark.parametrize(
    ("model", "wanted", "shown", "dropped"),
    [
        ("gemini-2.5-flash", {"effort": "low"}, {"thinkingBudget": 1024}, []),
        ("gemini-2.5-flash", {"effort": "xhigh"}, {"thinkingBudget": 24_576}, []),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}, []),
        ("gemini-2.5-pro", {"effort": "none"}, {"thinkingBudget": 128}, ["reasoning_effort"]),
        ("gemini-3-flash", {"effort": "medium"}, {"thinkingLevel": "MEDIUM"}, []),
        ("gemini-3-pro", {"effort": "medium"}, {"thinkingLevel": "HIGH"}, ["reasoning_effort"]),
        ("gemini-3.1-pro", {"effort": "medium"}, {"thinkingLevel": "MEDIUM"}, []),
        ("gemini-3.1-pro", {"effort": "minimal"}, {"thinkingLevel": "LOW"}, ["reasoning_effort"]),
        ("gemini-3-flash", {"effort": "max"}, {"thinkingLevel": "HIGH"}, ["reasoning_effort"]),
        ("gemini-3-flash", {"effort": "none"}, {"thinkingLevel": "MINIMAL"}, ["reasoning_effort"]),
        ("gemini-2.0-flash", {"effort": "low"}, None, ["reasoning_effort"]),
        ("gemini-2.0-flash", {"effort": "none"}, None, []),
        ("gemma-3", {"effort": "low"}, None, ["reasoning_effort"]),
    ],
)
def test_efforts(model, wanted, shown, dropped):
    """The nearest that the model has, named where it is another one."""
    assert ask(model, **wanted) == (shown, dropped)


def test_an_effort_leaves_room_for_the_answer():
    """Gemini counts thoughts into the maximum."""
    wanted = ReasoningRequest(effort="high")
    for model, most, budget in (
        ("gemini-2.5-flash", 2000, 1000),
        ("gemini-2.5-pro", 100, 128),
        ("gemini-2.5-flash", 99_999, 24_576),
    ):
        request = ChatRequest("m", (Message("user", (Text("hi"),)),), reasoning=wanted, max_tokens=most, dialect="openai_chat")
        assert render_thinking(request, model, []) == {"thinkingBudget": budget}


def test_budgets_of_anthropic_callers():
    """Within what the model takes, and their thoughts are shown unless they say no."""
    assert ask("gemini-2.5-flash", "anthropic_messages", enabled=True, budget=2048) == (
        {"thinkingBudget": 2048, "includeThoughts": True},
        [],
    )
    assert ask("gemini-2.5-flash", "anthropic_messages", enabled=True, budget=50_000, display="omitted") == (
        {"thinkingBudget": 24_576},
        ["thinking.budget_tokens"],
    )
    assert ask("gemini-3-pro", "anthropic_messages", enabled=True, adaptive=True) == ({"includeThoughts": True}, [])
    assert ask("gemini-2.5-pro", "anthropic_messages", enabled=True, adaptive=True)[0]["thinkingBudget"] == -1


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"enabled": False}, {"thinkingBudget": 0}),
        ({"enabled": True, "adaptive": True}, {"thinkingBudget": -1}),
        ({"enabled": True, "budget": 99_999, "display": "omitted"}, {"thinkingBudget": 99_999, "includeThoughts": False}),
        ({"effort": "low", "display": "summarized"}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        ({}, None),
    ],
)
def test_a_caller_of_this_dialect_gets_what_he_asked(wanted, shown):
    """Whatever the model makes of it."""
    assert ask("gemini-2.0-flash", "gemini", **wanted) == (shown, [])

"""What of a request reaches each kind of provider from each kind of client: docs/TRANSLATION.md is made of this."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dialects.pairs import samples, samples_others
from dialects.pairs.sample import Sample
from llm_gateway.core.errors import InvalidRequest, Unsupported
from llm_gateway.dialects.base import Target, in_own_names
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.registry import DIALECTS

FRONTS: dict[str, Any] = {
    "openai_chat": (DIALECTS["openai_chat"], samples.chat()),
    "openai_responses": (DIALECTS["openai_responses"], samples.responses()),
    "anthropic_messages": (DIALECTS["anthropic_messages"], samples_others.messages()),
    "gemini": (GeminiFront("m"), samples_others.gemini()),
    "ollama_chat": (DIALECTS["ollama_chat"], samples_others.ollama()),
}
BACKS = {
    "openai_chat": "a-model",
    "openai_responses": "a-model",
    "anthropic_messages": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-pro",
    "bedrock_converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "ollama_chat": "a-model",
    "cohere_chat": "command-a-03-2025",
}
"""A model that can do much, where the name tells what it can."""
PAGE = Path(__file__).resolve().parents[3] / "docs" / "TRANSLATION.md"
_MARKS = re.compile(r"(<!-- begin: requests -->\n).*?(<!-- end: requests -->)", re.DOTALL)
CASES = [(front, feature) for front, (_, found) in FRONTS.items() for feature in found]


def outcome(front_name: str, feature: str, back_name: str) -> str:
    """ "yes", what was named as lost, or what was refused; asserts that nothing is lost in silence."""
    front, found = FRONTS[front_name]
    sample: Sample = found[feature]
    body = msgspec.json.encode(sample.body)
    front.view(body)
    back: Any = DIALECTS[back_name]
    try:
        request = front.parse_request(body)
        asked = request if back_name == front_name else front.portable(request)
        rendered = back.render_request(asked, Target(BACKS[back_name]))
    except (Unsupported, InvalidRequest) as refusal:
        return f"refused: `{refusal.param}`"
    said = rendered.body.decode()
    document = msgspec.json.decode(rendered.body)
    lost = [mark for mark in sample.marks if mark not in said and base64.b64encode(mark.encode()).decode() not in said]
    dropped = in_own_names(front, rendered.dropped)
    assert dropped or not lost, f"lost in silence: {lost}"
    if feature == "tool choice: none" and not dropped:
        assert "none" in str(document.get("tool_choice", document.get("toolConfig"))).lower() or not document.get("tools")
    if feature.startswith("tool choice:") and not dropped:
        choice = document.get("tool_choice", document.get("toolConfig"))
        assert "auto" not in str(choice).lower()
    shown = ", ".join(f"`{name}`" for name in dropped)
    return f"without {shown}" if dropped else "yes"


@pytest.mark.parametrize(("front", "feature"), CASES)
def test_nothing_is_lost_in_silence(front: str, feature: str) -> None:
    """What a client says reaches a provider of every dialect, or is named, or the request is refused with the member's name."""
    for back in BACKS:
        assert "None" not in outcome(front, feature, back)


def test_the_page_tells_what_happens() -> None:
    """docs/TRANSLATION.md has the outcome of every pair (GATEWAY_UPDATE_GOLDENS=1 writes it anew)."""
    lines = []
    for front, (_, found) in FRONTS.items():
        lines += [f"### From {front}", "", "| asked for | " + " | ".join(BACKS) + " |", "|---" * (len(BACKS) + 1) + "|"]
        lines += [f"| {feature} | " + " | ".join(outcome(front, feature, back) for back in BACKS) + " |" for feature in found]
        lines.append("")
    table = "\n" + "\n".join(lines) + "\n"
    page = PAGE.read_text()
    made = _MARKS.sub(lambda marks: marks[1] + table + marks[2], page)
    if os.environ.get("GATEWAY_UPDATE_GOLDENS") == "1":
        PAGE.write_text(made)
    assert PAGE.read_text() == made

"""What an answer means, put together piece by piece, in words of no dialect."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ENDS = {
    "done": {
        "stop",
        "tool_calls",
        "function_call",
        "end_turn",
        "stop_sequence",
        "tool_use",
        "STOP",
        1,
        "eos",
        "COMPLETE",
        "completed",
    }
    | {"STOP_SEQUENCE", "TOOL_CALL", "eos_token", "load", "unload"},
    "length": {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", 2, "model_context_window_exceeded", "model_length"},
    "filtered": {"content_filter", "content_filtered", "guardrail_intervened", "refusal", "SAFETY", 3, "RECITATION", "BLOCKLIST"}
    | {"PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE", "ERROR_TOXIC"},
}


@dataclass
class Meaning:
    """Of the first choice. `end`: done, length, filtered, or the word itself; None: it did not say."""

    text: str = ""
    thought: str = ""
    calls: list[list[str]] = field(default_factory=list)
    end: str | None = None
    prompt: int | None = None
    completion: int | None = None
    choices: int = 1
    detailed: str = ""
    """Thoughts in reasoning_details, which repeat the others or stand alone."""
    streaming: bool = False
    total: int | None = None
    """Tokens, where the provider's own sum is another than that of the two: some count reasoning or audio apart."""
    refused: bool = False
    failed: bool = False
    """There is an error in the answer."""
    more: set[str] = field(default_factory=set)
    """What else it holds, by the provider's words."""

    def ended(self, word: Any) -> None:
        if word:
            self.end = next((end for end, words in ENDS.items() if word in words), str(word))

    def used(self, prompt: Any, completion: Any) -> None:
        if isinstance(prompt, int):
            self.prompt = prompt
        if isinstance(completion, int):
            self.completion = completion

    def called(self) -> list[tuple[str, Any]]:
        """Names and arguments as JSON values."""
        return [(name, _json(arguments)) for name, arguments in self.calls]


def _json(text: str) -> Any:
    try:
        return json.loads(text or "{}") or {}
    except ValueError:
        return text

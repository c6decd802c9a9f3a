"""What the OpenAI operations share: checked fields, usage, log probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import logprob

MAX_CHOICES = 128


def text_of(request: Mapping[str, Any], name: str) -> str:
    """A required, non-empty string."""
    value = request.get(name)
    if value is None:
        raise missing(name, Front.OPENAI)
    if not isinstance(value, str) or not value:
        raise wrong_type(name, "string", Front.OPENAI)
    return value


def integer_of(request: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """An optional integer within bounds."""
    value = request.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "integer", Front.OPENAI)
    if not low <= value <= high:
        raise out_of_range(name, f"expected a value between {low} and {high}, got {value}", Front.OPENAI)
    return value


def number_in(request: Mapping[str, Any], name: str, low: float, high: float) -> None:
    """Refuse an optional number that is none or is out of bounds."""
    value = request.get(name)
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type(name, "number", Front.OPENAI)
    if not low <= value <= high:
        raise out_of_range(name, f"expected a value between {low} and {high}", Front.OPENAI)


def stop_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Stop sequences: absent, one, or a list of at most four."""
    value = request.get("stop")
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong_type("stop", "string or array of strings", Front.OPENAI)
    if len(value) > 4:
        raise out_of_range("stop", "expected an array with maximum length 4", Front.OPENAI)
    return tuple(value)


def choices_of(request: Mapping[str, Any]) -> int:
    return integer_of(request, "n", 1, MAX_CHOICES) or 1


def wants_usage(request: Mapping[str, Any]) -> bool:
    """Whether a stream is to end with a chunk of usage."""
    options = request.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def usage(prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """The usage object of chat and legacy completions."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def chat_logprobs(words: Sequence[str], first: int, top: int, digest: str) -> list[dict[str, Any]]:
    """Log probabilities of `words`, which are the tokens from number `first` on."""
    return [_chat_logprob(word, first + index, top, digest) for index, word in enumerate(words)]


def _chat_logprob(word: str, index: int, top: int, digest: str) -> dict[str, Any]:
    own = logprob(digest, index)
    others = [word, *(f"{word.rstrip()}{number}" for number in range(1, top))]
    ranked = [_token(other, own - number) for number, other in enumerate(others[:top])]
    return {**_token(word, own), "top_logprobs": ranked}


def _token(word: str, value: float) -> dict[str, Any]:
    return {"token": word, "logprob": value, "bytes": list(word.encode("utf-8", "replace"))}

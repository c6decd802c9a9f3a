"""The gateway's look at a request that may pass through, and the ranges of what it relies on.

The model and whether the answer is streamed stand in the URL. Refused is only what is certainly wrong; what Google may well
accept (roles of old, single objects instead of lists, snake_case) is its own business.
"""

from __future__ import annotations

import msgspec

from llm_gateway.dialects.gemini.contents_in import ROLES
from llm_gateway.dialects.invalid import Watched, check_model, read, refuse, refuse_duplicates

MAX_CONTENTS = 10_000
MAX_TOKENS = 10_000_000

WATCHED = Watched(b"contents", b"systemInstruction", b"system_instruction", b"generationConfig", b"generation_config")
"""Members that we act on: a second one of that name is refused."""


class Thing(msgspec.Struct, gc=False):
    """A JSON object, whatever is in it."""


class _Content(msgspec.Struct, gc=False):
    parts: list[Thing] | Thing | None = None
    role: str | None = None


class Config(msgspec.Struct, rename="camel", gc=False):
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: float | None = None
    candidate_count: float | None = None


class _SnakeConfig(msgspec.Struct, gc=False):
    """The other spelling of what Config has."""

    top_p: float | None = None
    max_output_tokens: float | None = None
    candidate_count: float | None = None


class Seen(msgspec.Struct, gc=False):
    contents: list[_Content] | _Content
    tools: list[Thing] | Thing | None = None
    systemInstruction: Thing | None = None  # noqa: N815 - both spellings stand here by their own name
    system_instruction: Thing | None = None
    generationConfig: Config | None = None  # noqa: N815 - as above
    generation_config: _SnakeConfig | None = None
    toolConfig: Thing | None = None  # noqa: N815 - as above


def check(body: bytes, model: str) -> None:
    """Raises InvalidRequest (with param) or MalformedBody."""
    seen = read(body, Seen)
    check_once(body)
    check_model(model)
    contents = seen.contents if isinstance(seen.contents, list) else [seen.contents]
    check_count(len(contents))
    for index, content in enumerate(contents):
        if content.role not in ROLES:
            raise refuse(f"contents[{index}].role", "it must be user or model", "invalid_messages")
    if seen.generationConfig is not None:
        check_limits(seen.generationConfig)
    snake = seen.generation_config
    if snake is not None:
        check_limits(Config(None, snake.top_p, snake.max_output_tokens, snake.candidate_count))


def check_once(body: bytes) -> None:
    """Raises InvalidRequest if a member that we act on stands there twice."""
    refuse_duplicates(body, WATCHED)


def check_count(contents: int) -> None:
    """How many contents there may be. Raises InvalidRequest."""
    if not contents:
        raise refuse("contents", "there must be at least one", "empty_messages")
    if contents > MAX_CONTENTS:
        raise refuse("contents", f"there may be at most {MAX_CONTENTS}", "invalid_messages")


def check_limits(config: Config) -> None:
    """The ranges of requirements 1.2, as far as every model has them. Raises InvalidRequest."""
    if config.temperature is not None and not 0 <= config.temperature <= 2:
        raise refuse("generationConfig.temperature", "it must be 0 to 2", "invalid_temperature")
    if config.top_p is not None and not 0 <= config.top_p <= 1:
        raise refuse("generationConfig.topP", "it must be 0 to 1", "invalid_top_p")
    tokens = config.max_output_tokens
    if tokens is not None and not 0 <= tokens <= MAX_TOKENS:
        raise refuse("generationConfig.maxOutputTokens", f"it must be 1 to {MAX_TOKENS}", "invalid_max_tokens")
    if config.candidate_count is not None and config.candidate_count < 0:
        raise refuse("generationConfig.candidateCount", "it must not be negative")

"""The requests of Ollama's API as structs (https://docs.ollama.com/api/chat, /api/generate), nested objects undecoded.

Nested objects refuse members that they do not know; `opened.py`, which decodes one object at a time, then takes those out.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

NAME = "ollama_chat"
GENERATE = "ollama_generate"

NULL = Raw(b"null")


class OptionsWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The options that other dialects have too. All others (num_ctx, repeat_penalty, mirostat ...) are the server's own."""

    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class FunctionCallWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`index` counts the calls of a message, as their order does."""

    name: str
    arguments: Raw = NULL
    index: int | None = None


class CallWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Ids exist since Ollama 0.12; most clients have none."""

    function: Raw
    id: str | None = None
    type: str | None = None


class MessageWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`control` messages switch thinking on in templates of old models."""

    role: Literal["system", "developer", "user", "assistant", "tool", "control"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Raw] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class FunctionWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str
    description: str | None = None
    parameters: Raw = NULL


class ToolWire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    function: Raw = NULL
    type: str | None = None


class Asked(msgspec.Struct, gc=False):
    """What both operations have. `think`: whether, or how much (low, medium, high)."""

    model: str
    stream: bool | None = None
    format: Raw = NULL
    options: Raw = NULL
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class RequestWire(Asked, gc=False, kw_only=True):
    messages: list[Raw]
    tools: list[Raw] | None = None


class GenerateWire(Asked, gc=False, kw_only=True):
    prompt: str | None = None
    system: str | None = None
    images: list[str] | None = None
    suffix: str | None = None

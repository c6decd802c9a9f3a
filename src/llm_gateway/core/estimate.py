"""How many prompt tokens a request is about, for models whose tokenizer we do not have.

A rule of thumb: four characters to a token, four tokens around each message, an image 765 (OpenAI's high detail at 1024x1024),
a page of a document 1,500. Good to 20 % for English prose; code and other scripts are denser. Never a basis for bills where a
provider tells usage.
"""

from __future__ import annotations

from collections.abc import Iterable

from llm_gateway.core.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

CHARS_PER_TOKEN = 4
MESSAGE_TOKENS = 4
IMAGE_TOKENS = 765
PAGE_TOKENS = 1500

_PAGE_CHARS = 100_000
"""Base64 of a PDF per page, pictures and fonts included."""
_AUDIO_CHARS_PER_TOKEN = 4000


def estimate(request: ChatRequest) -> int:
    """Prompt tokens of `request`: messages and tools, and the schema of the answer."""
    chars, tokens = _measure(part for message in request.messages for part in message.parts)
    for tool in request.tools:
        chars += len(tool.name) + len(tool.description or "")
        chars += sum(memoryview(raw).nbytes for raw in (tool.schema, tool.raw) if raw is not None)
    wanted = request.response_format
    if wanted is not None and wanted.schema is not None:
        chars += memoryview(wanted.schema).nbytes
    return tokens + MESSAGE_TOKENS * len(request.messages) + -(-chars // CHARS_PER_TOKEN)


def _measure(parts: Iterable[Part]) -> tuple[int, int]:
    """Characters of text in `parts`, and tokens of everything else."""
    chars = tokens = 0
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                chars += len(text)
            case Reasoning():
                chars += len(part.text) + len(part.redacted or "")
            case ToolCall():
                chars += len(part.name) + len(part.arguments)
            case ToolResult():
                more, others = _measure(part.parts)
                chars += more
                tokens += others
            case Image():
                tokens += IMAGE_TOKENS
            case Document(text=str(text)):
                chars += len(text)
            case Document():
                tokens += PAGE_TOKENS * -(-max(1, len(part.data or "")) // _PAGE_CHARS)
            case Audio():
                chars += len(part.transcript or "")
                tokens += -(-len(part.data) // _AUDIO_CHARS_PER_TOKEN)
            case Opaque():
                chars += memoryview(part.raw).nbytes
    return chars, tokens

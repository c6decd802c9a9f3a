"""Reasoning in OpenAI's shape, which has none: what servers and clients agreed on instead.

Text is `reasoning_content` (DeepSeek, vLLM) or `reasoning` (OpenRouter, newer vLLM). Blocks with a signature, and redacted ones,
need more: `reasoning_details`, OpenRouter's list of {"type": "reasoning.text", text, signature} and {"type":
"reasoning.encrypted", data}, each with its place as `index`. OpenAI's SDKs join such a list by `index` when they accumulate a
stream, so an assistant message that a client sends back has every block whole.

Entries of another family than Anthropic's (`format`) are opaque: their signatures would be refused there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from msgspec import Raw

from llm_gateway.core.chat import Opaque, Part, Reasoning
from llm_gateway.core.json import decode, encode

NAME = "openai_chat"

_OURS = frozenset({"", "unknown", "anthropic-claude-v1"})
_TEXT, _ENCRYPTED = "reasoning.text", "reasoning.encrypted"


def parse_reasoning(text: str | None, details: list[dict[str, Any]] | None) -> list[Part]:
    """The blocks of a message from its plain text and its details, which usually say the same twice."""
    if not details:
        return [Reasoning(text)] if text else []
    parts: list[Part] = []
    texts: list[str] = []
    loose: list[str] = []
    for entry in _joined(details):
        part = parse_entry(entry)
        if part is None:
            loose.append(entry.get("text") or entry.get("summary") or "")
        else:
            parts.append(part)
            if isinstance(part, Reasoning):
                texts.append(part.text)
    told = "".join(texts)
    plain = text or "".join(loose)
    rest = plain.removeprefix(told)
    if rest and (not told or rest != plain):
        parts.insert(len(texts) if told else 0, Reasoning(rest))
    return parts


def parse_entry(entry: dict[str, Any]) -> Reasoning | Opaque | None:
    """One entry of reasoning_details; None for text alone, which the plain text has too."""
    kind, ours = entry.get("type"), str(entry.get("format") or "") in _OURS
    signature, data = entry.get("signature"), entry.get("data")
    if kind == _ENCRYPTED and ours and isinstance(data, str):
        return Reasoning(redacted=data)
    if kind == _TEXT and ours and isinstance(signature, str):
        return Reasoning(_string(entry.get("text")), signature)
    if signature is None and data is None and isinstance(entry.get("text") or entry.get("summary") or "", str):
        return None
    return Opaque(NAME, _string(kind), Raw(encode(entry)))


def render_details(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Every Reasoning among `parts`, and the entries that were opaque, in their order."""
    entries: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Reasoning):
            entries.append(render_entry(part, len(entries)))
        elif is_entry(part):
            entries.append(decode(bytes(part.raw), dict[str, Any]))
    return entries


def render_entry(block: Reasoning, index: int) -> dict[str, Any]:
    if block.redacted is not None:
        return {"type": _ENCRYPTED, "index": index, "data": block.redacted}
    entry: dict[str, Any] = {"type": _TEXT, "index": index, "text": block.text}
    if block.signature is not None:
        entry["signature"] = block.signature
    return entry


def is_entry(part: Part) -> TypeGuard[Opaque]:
    """Whether `part` is a detail of another family, to be carried as it is."""
    return isinstance(part, Opaque) and part.dialect == NAME and part.kind.startswith("reasoning.")


def needs_details(parts: Iterable[Part]) -> bool:
    """Whether plain text would lose something of `parts`."""
    return any(is_entry(part) or (isinstance(part, Reasoning) and (part.signature or part.redacted)) for part in parts)


def _joined(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pieces of one block, as a stream has them, put together: text of the same index up to its signature."""
    out: list[dict[str, Any]] = []
    for entry in details:
        last = out[-1] if out else None
        if (
            last is not None
            and entry.get("type") == last.get("type") == _TEXT
            and entry.get("index") is not None
            and entry.get("index") == last.get("index")
            and last.get("signature") is None
        ):
            joined = _string(last.get("text")) + _string(entry.get("text"))
            out[-1] = {**last, **{name: value for name, value in entry.items() if value is not None}, "text": joined}
        else:
            out.append(entry)
    return out


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""

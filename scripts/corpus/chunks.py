"""A recorded chat stream as other servers would have cut it into chunks. All of it means the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

Chunks = list[dict[str, Any]]


def recut(given: Chunks) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What is done, and the stream."""
    for change in (_letters, _together, _with_empty, _usage_at_finish, _usage_everywhere, _role_everywhere, _apart):
        yield (change.__doc__ or "").rstrip("."), lambda change=change: _stream(change(copy.deepcopy(given)))


def _stream(chunks: Chunks) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


def _only(chunk: dict[str, Any]) -> dict[str, Any]:
    """The one choice of a chunk; {} for none."""
    choices = chunk.get("choices") or [{}]
    return choices[0] if len(choices) == 1 else {}


def _letters(chunks: Chunks) -> Chunks:
    """Text and arguments letter by letter."""
    out: Chunks = []
    for chunk in chunks:
        delta = _only(chunk).get("delta") or {}
        calls = delta.get("tool_calls") or []
        text = delta.get("content")
        if isinstance(text, str) and len(text) > 1 and not calls:
            out += [_with(chunk, {**delta, "content": letter}, last=n == len(text) - 1) for n, letter in enumerate(text)]
        elif len(calls) == 1 and calls[0].get("index") is not None and isinstance(_arguments(calls[0]), str):
            out += _spelled(chunk, delta, calls[0])
        else:
            out.append(chunk)
    return out


def _arguments(call: dict[str, Any]) -> Any:
    return (call.get("function") or {}).get("arguments")


def _spelled(chunk: dict[str, Any], delta: dict[str, Any], call: dict[str, Any]) -> Chunks:
    arguments = _arguments(call)
    first = {**call, "function": {**call["function"], "arguments": ""}}
    pieces = [{"index": call["index"], "function": {"arguments": letter}} for letter in arguments]
    calls = [first, *pieces]
    return [_with(chunk, {**delta, "tool_calls": [one]}, last=n == len(calls) - 1) for n, one in enumerate(calls)]


def _with(chunk: dict[str, Any], delta: dict[str, Any], *, last: bool) -> dict[str, Any]:
    """`chunk` with another delta; the reason of the end is in the last one only, and so is everything that is no text."""
    choice = {**_only(chunk), "delta": delta}
    if not last:
        choice["finish_reason"] = None
        choice.pop("message", None)
        choice["delta"] = {name: value for name, value in delta.items() if name in {"role", "content", "tool_calls"}}
    elif "content" in delta and "role" in delta:
        choice["delta"] = {name: value for name, value in delta.items() if name != "role"}
    return {**chunk, "choices": [choice]}


def _together(chunks: Chunks) -> Chunks:
    """All text in the first chunk, and calls whole."""
    if any(len(chunk.get("choices") or []) > 1 or _only(chunk).get("index") for chunk in chunks):
        return chunks
    deltas = [_only(chunk).get("delta") or {} for chunk in chunks]
    if any(not isinstance(delta.get("content") or "", str) for delta in deltas):
        return chunks
    calls: dict[Any, dict[str, Any]] = {}
    for delta in deltas:
        for call in delta.pop("tool_calls", None) or []:
            if call.get("index") is None or not isinstance(_arguments(call) or "", str):
                return chunks
            known = calls.setdefault(call["index"], {**call, "function": {**(call.get("function") or {}), "arguments": ""}})
            known["function"]["arguments"] += _arguments(call) or ""
    text = "".join(delta.pop("content", None) or "" for delta in deltas)
    for chunk in chunks:
        if "delta" in _only(chunk):
            chunk["choices"][0]["delta"] |= {"content": text} | ({"tool_calls": list(calls.values())} if calls else {})
            break
    return chunks


def _with_empty(chunks: Chunks) -> Chunks:
    """Empty deltas, empty choices and chunks of nothing in between."""
    out: Chunks = []
    for chunk in chunks:
        head = {name: value for name, value in chunk.items() if name not in {"choices", "usage"}}
        nothing = {"index": 0, "delta": {"content": "", "tool_calls": None}, "finish_reason": None}
        out += [{**head, "choices": []}, {**head, "choices": None}, chunk]
        if not any(_only(before).get("finish_reason") for before in out):
            out += [{**head, "choices": [nothing]}, {**head, "choices": [{"index": 0, "delta": {}}]}]
    return out


def _usage_of(chunks: Chunks) -> Any:
    return next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None)


def _usage_at_finish(chunks: Chunks) -> Chunks:
    """Usage beside the reason of the end, not behind it."""
    usage = _usage_of(chunks)
    for chunk in chunks:
        chunk.pop("usage", None)
        if _only(chunk).get("finish_reason"):
            chunk["usage"] = usage
    if not any(chunk.get("usage") for chunk in chunks) and usage:
        chunks[-1]["usage"] = usage
    return [chunk for chunk in chunks if chunk.get("choices") or chunk.get("usage")]


def _usage_everywhere(chunks: Chunks) -> Chunks:
    """Usage in every chunk."""
    usage = _usage_of(chunks)
    return [{**chunk, "usage": usage} for chunk in chunks]


def _role_everywhere(chunks: Chunks) -> Chunks:
    """The role in every delta."""
    for chunk in chunks:
        if isinstance(_only(chunk).get("delta"), dict):
            chunk["choices"][0]["delta"]["role"] = "assistant"
    return chunks


def _apart(chunks: Chunks) -> Chunks:
    """Several choices, one behind the other."""
    out: Chunks = []
    for chunk in chunks:
        out.append(chunk)
        if chunk.get("choices"):
            twin = copy.deepcopy(chunk)
            twin.pop("usage", None)
            for choice in twin["choices"]:
                choice["index"] = (choice.get("index") or 0) + 1
            out.append(twin)
    return out

"""What an answer that passes through unread says about its use: whatever dialect it has, however large it is.

Only its two ends are kept. A whole answer and the last event of a stream name the usage near the end; Anthropic's streams name
the input in their first event. Nothing here can fail: what is not understood is not counted.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.anthropic_messages import usage as anthropic
from llm_gateway.dialects.bedrock_converse import usage as bedrock
from llm_gateway.dialects.bedrock_converse.wire import UsageWire as BedrockWire
from llm_gateway.dialects.gemini import usage as gemini
from llm_gateway.dialects.openai_chat import usage as chat
from llm_gateway.dialects.openai_responses import usage as responses

HEAD_BYTES = 8 * 1024
TAIL_BYTES = 32 * 1024

_USAGE = re.compile(rb'(?<!\\)"(?:usage|usageMetadata|usage_info)"\s*:\s*(?=\{)')
_DURATION = re.compile(rb'(?<!\\)"duration"\s*:\s*"?([0-9]{1,9}(?:\.[0-9]{1,9})?)')
_IMAGES = (b'"b64_json"', b'"url"')
_LONGEST_USAGE = 4096
_MOST_USAGES = 4
"""Of each end. There are one or two; a text that repeats the word must not cost a look at all that follows each."""
_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")
"""What Anthropic's streams say in their first event, and not always in the last."""
_NAMES = frozenset({"inputTokens", "outputTokens", "totalTokens"})


class Meter:
    """Looks at what goes by. `counts_images`: whether an answer's pictures are counted."""

    __slots__ = ("_head", "_images", "_seam", "_tail")

    def __init__(self, *, counts_images: bool = False) -> None:
        self._head = b""
        self._tail = b""
        self._seam = b""  # the last bytes of a read: a name may be cut in two
        self._images = [0, 0] if counts_images else None

    def feed(self, data: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._tail = data[-TAIL_BYTES:] if len(data) >= TAIL_BYTES else (self._tail + data)[-TAIL_BYTES:]
        if self._images is not None:
            seen = self._seam + data
            for place, name in enumerate(_IMAGES):
                self._images[place] += seen.count(name) - self._seam.count(name)
            self._seam = seen[-len(_IMAGES[0]) + 1 :]

    @property
    def tail(self) -> bytes:
        return self._tail

    def usage(self) -> Usage | None:
        """None: it said nothing."""
        told = self._told()
        tokens = _tokens(told) if told else None
        units = self._units(told)
        cost = chat.cost_in(told)
        if not units and (tokens is not None or not cost):
            return tokens
        counted = {} if tokens is None else {name: getattr(tokens, name) for name in Usage.__struct_fields__}
        return MediaUsage(**counted, **units, **self._pictures(told, tokens), cost=cost)

    def _pictures(self, told: dict[str, Any], tokens: Usage | None) -> dict[str, Any]:
        """Tokens of pictures that came out: all, unless they are told apart; and went in: only if they are (OpenAI's images)."""
        if self._images is None or tokens is None:
            return {}
        seen, made = (_image_tokens(told.get(f"{side}_tokens_details")) for side in ("input", "output"))
        output = tokens.output if made is None else min(made, tokens.output)
        return {"image_input": min(seen or 0, tokens.input), "image_output": output}

    def _told(self) -> dict[str, Any]:
        """The last one that there is. What stands before it may be words of whoever asked: a tool's arguments are objects, too,
        and one of them may be called `usage`. Only in streams the first counts besides: for the prompt, if the last has nothing.
        """
        told: list[dict[str, Any]] = []
        for text, of_interest in ((self._head, slice(_MOST_USAGES)), (self._tail, slice(-_MOST_USAGES, None))):
            starts = [found.end() for found in _USAGE.finditer(text)][of_interest]
            told += [found for start in starts if (found := _object_at(text, start))]
        if not told:
            return {}
        streams = not self._head.lstrip().startswith(b"{")
        begun = {name: told[0][name] for name in _PROMPT if name in told[0]} if streams and "output_tokens" in told[-1] else {}
        return begun | told[-1]

    def _units(self, told: dict[str, Any]) -> dict[str, Any]:
        units: dict[str, Any] = {}
        seconds: Any = told.get("seconds")
        if seconds is None and (found := _DURATION.search(self._head)) is not None:
            seconds = float(found[1])
        if _is_count(seconds):
            units["seconds"] = float(seconds)
        if _is_count(told.get("pages_processed")):
            units["pages"] = int(told["pages_processed"])
        if self._images is not None and any(self._images):
            units["images"] = max(self._images)
        return units


def _image_tokens(details: Any) -> int | None:
    """None: it is not told."""
    found: Any = details.get("image_tokens") if isinstance(details, dict) else None
    return int(found) if _is_count(found) or found == 0 else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _object_at(text: bytes, start: int) -> dict[str, Any]:
    """The JSON object that begins at `start`; empty if it does not end in here."""
    end, depth = start, 0
    for end in range(start, min(len(text), start + _LONGEST_USAGE)):
        depth += {0x7B: 1, 0x7D: -1}.get(text[end], 0)
        if not depth:
            break
    try:
        found = msgspec.json.decode(text[start : end + 1])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else {}


def _tokens(told: dict[str, Any]) -> Usage | None:
    """The counts of whoever names them so."""
    raw = Raw(msgspec.json.encode(told))
    try:
        if "promptTokenCount" in told or "candidatesTokenCount" in told:
            return gemini.read_usage(raw)[0]
        if _NAMES & told.keys():
            return bedrock.parse_usage(msgspec.json.decode(raw, type=BedrockWire))
        if "prompt_tokens" in told or "completion_tokens" in told:
            return chat.read_usage(raw)
        if "cache_read_input_tokens" in told or "cache_creation_input_tokens" in told:
            return anthropic.parse_usage(msgspec.json.decode(raw, type=anthropic.UsageWire))
        return responses.read_usage(raw)
    except msgspec.ValidationError:
        return None

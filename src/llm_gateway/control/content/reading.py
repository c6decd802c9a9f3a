"""Makes of a request as it was what is kept of it: its words, with secrets and personal data hidden, and no more than so many.

A stream's words come in pieces, so that a card's number may be spread over ten events: the pieces of each text are put together
before anything is looked for in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llm_gateway.control.content.mending import CUT, EDGE, mended
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.core.personal import mask
from llm_gateway.core.redact import HIDDEN, is_secret
from llm_gateway.telemetry.content import Said
from llm_gateway.telemetry.journal import timestamp

_USERS = frozenset({"user", "user_id", "userid", "safety_identifier", "end_user"})
"""Whose values are an end user's name; the record has its hash."""
_WORDS = frozenset(
    {
        "content",
        "text",
        "delta",
        "arguments",
        "partial_json",
        "refusal",
        "reasoning",
        "reasoning_content",
        "thinking",
        "response",
        "transcript",
        "name",
    }
)
"""Members of a stream's events that are pieces of texts; what else they have tells nothing about what was said."""
_PLACE = ("type", "index", "output_index", "content_index", "item_id")
_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{400,}")
_LEAST_CARD = 10**12
_DEEPEST = 64
_MOST_MEMBERS = 4096


def record_of(said: Said, most: int) -> dict[str, Any]:
    """What is written. `most`: characters of texts, of the request and of the answer each."""
    record: dict[str, Any] = {
        "at": timestamp(said.at),
        "request_id": said.id,
        "project": said.project,
        "key": said.key,
        "user": said.user,
        "path": said.path,
        "model": mask(said.model),
        "provider": said.provider,
        "served_model": said.served,
        "status": said.status,
        "outcome": said.outcome,
        "error": said.error,
        "stream": said.stream,
        "cached": said.cached,
        "request": _document(said.request, said.request_size, most),
        "answer": _answer(said, most),
    }
    return {name: value for name, value in record.items() if value not in ("", None)}


def _answer(said: Said, most: int) -> Any:
    if not said.answer:
        return None
    if said.stream:
        return _streamed(said, most)
    return _document(said.answer, said.answer_size, most)


def _document(data: bytes, size: int, most: int) -> Any:
    """A body: the document that it is; of what is none, how long it was."""
    if not data:
        return None
    cut = len(data) < size
    try:
        document = decode_lenient(mended(data.decode("utf-8", "ignore").encode()) if cut else data, Any)
    except (MalformedJson, RecursionError):
        return f"[{size} bytes that are no JSON]"
    return Reader(most).read(document)


def _streamed(said: Said, most: int) -> list[str]:
    """The texts of a stream, each put together; under the names that they have in its events."""
    texts: dict[str, list[str]] = {}
    last = ""
    for event in _events(said.answer):
        place = "/".join(str(event[name]) for name in _PLACE if isinstance(event.get(name), str | int))
        for path, piece in _pieces(event, "", 0):
            last = f"{place}{path}"
            if len(texts) < _MOST_MEMBERS or last in texts:
                texts.setdefault(last, []).append(piece)
    if len(said.answer) < said.answer_size and last in texts:
        texts[last] = ["".join(texts[last])[:-EDGE], CUT]
    reader = Reader(most)
    whole = [reader.text("".join(pieces)) for pieces in texts.values()]
    return list(dict.fromkeys(text for text in whole if text))  # a last event often repeats all of it


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    """Those of an event stream, or of lines of JSON."""
    for line in data.splitlines():
        text = line[5:] if line.startswith(b"data:") else line
        text = text.strip()
        if text[:1] != b"{":
            continue
        try:
            event = decode_lenient(text, Any)
        except (MalformedJson, RecursionError):
            continue  # the last one, which was cut off
        if isinstance(event, dict):
            yield event


def _pieces(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for index, item in enumerate(value[:_MOST_MEMBERS]):
            own = item.get("index") if isinstance(item, dict) else None
            yield from _pieces(item, f"{path}/{index if own is None else own}", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if name in _WORDS:
                    yield f"{path}/{name}", item
            else:
                yield from _pieces(item, f"{path}/{name}", depth + 1)


class Reader:
    """Reads one document, with so many characters left for its texts."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._members = _MOST_MEMBERS

    def read(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """`value` as it is kept."""
        if depth > _DEEPEST or self._members <= 0:
            return CUT
        self._members -= 1
        if isinstance(value, str):
            return self._named(name, value)
        if isinstance(value, dict):
            return {self.text(key): self.read(item, key, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.read(item, name, depth + 1) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _LEAST_CARD:
            shown = mask(str(value))
            return value if shown == str(value) else shown
        return value

    def _named(self, name: str, value: str) -> str:
        if name.lower() in _USERS or is_secret(name):
            return HIDDEN
        return self.text(value)

    def text(self, text: str) -> str:
        """Without blobs, secrets and personal data, and not longer than what is left."""
        if text.startswith("data:"):
            return f"[data, {len(text)} characters]"
        if self._left <= 0:
            return CUT if text else ""
        over = len(text) > self._left
        if over:
            text = text[: self._left]
        self._left -= len(text)
        text = mask(_BLOB.sub(lambda blob: f"[data, {len(blob[0])} characters]", text))
        return text[:-EDGE] + CUT if over else text

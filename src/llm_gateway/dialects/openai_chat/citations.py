"""Sources of a text as OpenAI shows them: `annotations` of type url_citation.

A source of another shape is kept whole in `citations` beside them, and shown as a url_citation too if it has a URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def is_annotation(source: Any) -> bool:
    """Whether `source` has OpenAI's own shape."""
    return isinstance(source, dict) and source.get("type") == "url_citation" and isinstance(source.get("url_citation"), dict)


def annotations_of(sources: Iterable[Any], start: int, end: int) -> list[Any]:
    """`sources` of the characters `start` to `end` of a message."""
    shown: list[Any] = []
    for source in sources:
        if is_annotation(source):
            shown.append(source)
        elif isinstance(source, dict) and isinstance(source.get("url"), str):
            place = {
                "start_index": start,
                "end_index": end,
                "url": source["url"],
                "title": str(source.get("title") or source["url"]),
            }
            shown.append({"type": "url_citation", "url_citation": place})
    return shown

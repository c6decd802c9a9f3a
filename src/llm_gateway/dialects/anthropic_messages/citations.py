"""Sources of a text: Anthropic's citations, and those of OpenAI shown as such."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

KINDS = frozenset(
    {
        "char_location",
        "page_location",
        "content_block_location",
        "web_search_result_location",
        "search_result_location",
    }
)


def is_citation(source: Any) -> bool:
    """Whether `source` is one that the API takes back; not those that `shown` made, which lack its index."""
    return isinstance(source, dict) and str(source.get("type")) in KINDS and source.get("encrypted_index") != ""


def shown(sources: Iterable[Any], text: str = "") -> list[dict[str, Any]]:
    """`sources` of `text` as an Anthropic client reads them: its own as they are, url_citation as a result of a web search.

    A source of any other shape is left out: the SDKs' types have no place for it.
    """
    out: list[dict[str, Any]] = []
    for source in sources:
        if not isinstance(source, dict):
            continue
        place = source.get("url_citation")
        if str(source.get("type")) in KINDS:
            out.append(source)
        elif source.get("type") == "url_citation" and isinstance(place, dict) and isinstance(place.get("url"), str):
            out.append(
                {
                    "type": "web_search_result_location",
                    "url": place["url"],
                    "title": place["title"] if isinstance(place.get("title"), str) else None,
                    "cited_text": _cut(text, place.get("start_index"), place.get("end_index")),
                    "encrypted_index": "",
                }
            )
    return out


def _cut(text: str, start: Any, end: Any) -> str:
    return text[start:end] if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end else ""

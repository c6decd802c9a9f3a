"""Sources of a text: Converse's citations to Anthropic's, which callers' dialects can show, and back for the next turn.

They say the same in other words; a source on the web becomes OpenAI's url_citation, and is not sent back: it does not stand in
any document of the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

# Converse's location: Anthropic's type, and its names for documentIndex, start and end.
_PLACES: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "documentChar": ("char_location", "document_index", "start_char_index", "end_char_index"),
        "documentPage": ("page_location", "document_index", "start_page_number", "end_page_number"),
        "documentChunk": ("content_block_location", "document_index", "start_block_index", "end_block_index"),
        "searchResultLocation": ("search_result_location", "search_result_index", "start_block_index", "end_block_index"),
    }
)
_BACK: Mapping[str, str] = MappingProxyType({names[0]: place for place, names in _PLACES.items()})
_SEARCH = "searchResultLocation"


def parse_citation(citation: Any) -> Any:
    """As it is where its location is none that we know."""
    location = citation.get("location") if isinstance(citation, dict) else None
    if not isinstance(location, dict):
        return citation
    web = location.get("web")
    if isinstance(web, dict) and isinstance(web.get("url"), str):
        title = citation.get("title") or web.get("domain") or web["url"]
        return {"type": "url_citation", "url_citation": {"url": web["url"], "title": title, "start_index": 0, "end_index": 0}}
    for place, (kind, index, start, end) in _PLACES.items():
        found = location.get(place)
        if not isinstance(found, dict):
            continue
        out: dict[str, Any] = {"type": kind, "cited_text": _cited(citation)}
        if place == _SEARCH:
            out |= {"source": citation.get("source") or "", "title": citation.get("title")}
        else:
            out["document_title"] = citation.get("title")
        number = found.get("searchResultIndex" if place == _SEARCH else "documentIndex")
        return out | {index: number or 0, start: found.get("start") or 0, end: found.get("end") or 0}
    return citation


def render_citations(sources: Iterable[Any]) -> list[dict[str, Any]]:
    """Those of `sources` that the API takes back."""
    return [shown for source in sources if (shown := _render(source)) is not None]


def _render(source: Any) -> dict[str, Any] | None:
    if not isinstance(source, dict):
        return None
    place = _BACK.get(str(source.get("type")))
    if place is None:
        return source if isinstance(source.get("location"), dict) else None
    _, index, start, end = _PLACES[place]
    found = {
        "searchResultIndex" if place == _SEARCH else "documentIndex": source.get(index, 0),
        "start": source.get(start, 0),
        "end": source.get(end, 0),
    }
    out: dict[str, Any] = {"location": {place: found}}
    title = source.get("title" if place == _SEARCH else "document_title")
    if isinstance(title, str):
        out["title"] = title
    if place == _SEARCH and isinstance(source.get("source"), str):
        out["source"] = source["source"]
    if isinstance(source.get("cited_text"), str) and source["cited_text"]:
        out["sourceContent"] = [{"text": source["cited_text"]}]
    return out


def _cited(citation: dict[str, Any]) -> str:
    pieces = citation.get("sourceContent")
    texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
    return "".join(text for text in texts if isinstance(text, str))

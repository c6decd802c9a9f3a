"""Where an answer's words come from: groundingMetadata and citationMetadata, and url_citation, which every dialect can show.

Google counts in bytes of UTF-8, everyone else in characters. The metadata itself says more (queries, the search widget that has
to be shown) and goes along whole, as an opaque member of the candidate.
"""

from __future__ import annotations

from typing import Any

import msgspec

MAX_SOURCES = 256
"""Of one answer; the metadata beside them is whole."""
MAX_TEXT = 1 << 20
"""Characters of an answer that places are looked up in."""


class Web(msgspec.Struct, rename="camel", gc=False):
    uri: str = ""
    title: str | None = None


class Chunk(msgspec.Struct, rename="camel", gc=False):
    web: Web | None = None
    maps: Web | None = None
    retrieved_context: Web | None = None


class Segment(msgspec.Struct, rename="camel", gc=False):
    start_index: int = 0
    end_index: int = 0


class Support(msgspec.Struct, rename="camel", gc=False):
    segment: Segment | None = None
    grounding_chunk_indices: list[int] = []


class Grounding(msgspec.Struct, rename="camel", gc=False):
    grounding_chunks: list[Chunk] = []
    grounding_supports: list[Support] = []


class Cited(msgspec.Struct, rename="camel", gc=False):
    uri: str = ""
    title: str | None = None
    start_index: int = 0
    end_index: int = 0


class Citations(msgspec.Struct, rename="camel", gc=False):
    citations: list[Cited] | None = None
    citation_sources: list[Cited] | None = None


class Told:
    """The text of an answer so far, for the places of its sources."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        if self._size <= MAX_TEXT:
            self._pieces.append(text[: MAX_TEXT - self._size])
            self._size += len(text)

    def text(self) -> str:
        return "".join(self._pieces)


def parse_sources(grounding: Grounding | None, cited: Citations | None, text: str) -> list[dict[str, Any]]:
    """url_citation for each source that has an address, at its place in `text`."""
    data = text.encode()
    out: list[dict[str, Any]] = []
    if grounding is not None:
        webs = [chunk.web or chunk.maps or chunk.retrieved_context for chunk in grounding.grounding_chunks]
        used: set[int] = set()
        for support in grounding.grounding_supports:
            place = support.segment or Segment()
            for index in support.grounding_chunk_indices:
                web = webs[index] if 0 <= index < len(webs) else None
                if web is not None and web.uri and len(out) < MAX_SOURCES:
                    used.add(index)
                    out.append(_shown(web.uri, web.title, place.start_index, place.end_index, data))
        for index, web in enumerate(webs):
            if index not in used and web is not None and web.uri and len(out) < MAX_SOURCES:
                out.append(_shown(web.uri, web.title, 0, len(data), data))
    for source in (cited.citations or cited.citation_sources or []) if cited is not None else []:
        if source.uri and len(out) < MAX_SOURCES:
            out.append(_shown(source.uri, source.title, source.start_index, source.end_index, data))
    return out


def render_sources(sources: list[Any], text: str) -> dict[str, Any] | None:
    """GroundingMetadata of `sources` in url_citation's shape, or any other with a `url`; None if there are none."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for source in sources[:MAX_SOURCES]:
        told = source.get("url_citation") if isinstance(source, dict) else None
        place = told if isinstance(told, dict) else source
        if not isinstance(place, dict) or not isinstance(place.get("url"), str):
            continue
        title = place.get("title")
        chunks.append({"web": {"uri": place["url"], "title": title if isinstance(title, str) else place["url"]}})
        start, end = place.get("start_index"), place.get("end_index")
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
            before = len(text[:start].encode())
            segment = {"startIndex": before, "endIndex": before + len(text[start:end].encode()), "text": text[start:end]}
            supports.append({"segment": segment, "groundingChunkIndices": [len(chunks) - 1]})
    if not chunks:
        return None
    return {"groundingChunks": chunks, "groundingSupports": supports} if supports else {"groundingChunks": chunks}


def _shown(uri: str, title: str | None, start: int, end: int, data: bytes) -> dict[str, Any]:
    place = {"start_index": _characters(data, start), "end_index": _characters(data, end), "url": uri, "title": title or uri}
    return {"type": "url_citation", "url_citation": place}


def _characters(data: bytes, at: int) -> int:
    at = min(max(at, 0), len(data))
    return len(data[:at].decode(errors="ignore"))

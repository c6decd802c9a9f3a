"""Sources of a text: this API's annotations, whose url_citation is flat, and the neutral ones, whose url_citation is Chat's."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from llm_gateway.dialects.openai_chat.citations import annotations_of

_KINDS = MappingProxyType(
    {
        "url_citation": {"start_index": int, "end_index": int, "url": str, "title": str},
        "file_citation": {"file_id": str, "filename": str, "index": int},
        "container_file_citation": {"container_id": str, "file_id": str, "filename": str, "start_index": int, "end_index": int},
        "file_path": {"file_id": str, "index": int},
    }
)
"""What each kind must have for the SDKs."""


def parse_annotations(annotations: Iterable[Any]) -> tuple[Any, ...]:
    return tuple([parse_annotation(source) for source in annotations])


def parse_annotation(source: Any) -> Any:
    """A url_citation as other dialects read it; everything else as it is."""
    if not isinstance(source, dict) or source.get("type") != "url_citation" or "url_citation" in source:
        return source
    return {"type": "url_citation", "url_citation": {name: value for name, value in source.items() if name != "type"}}


def render_annotations(sources: Iterable[Any], start: int, end: int) -> tuple[list[Any], list[Any]]:
    """Annotations for `sources` of the characters `start` to `end`, and the sources of which one would not say all."""
    shown: list[Any] = []
    rest: list[Any] = []
    for source in sources:
        if _is_own(source):
            shown.append(source)
            continue
        flat = [_flat(other) for other in annotations_of([source], start, end)]
        shown += [other for other in flat if _is_own(other)]
        if not flat or source.get("type") != "url_citation":
            rest.append(source)
    return shown, rest


def _flat(annotation: dict[str, Any]) -> dict[str, Any]:
    place = annotation["url_citation"]
    blank = {"start_index": 0, "end_index": 0, "title": ""}
    return {"type": "url_citation", **blank, **{name: value for name, value in place.items() if value is not None}}


def _is_own(source: Any) -> bool:
    kind = source.get("type") if isinstance(source, dict) else None
    needed = _KINDS.get(kind) if isinstance(kind, str) else None
    return needed is not None and all(isinstance(source.get(name), wanted) for name, wanted in needed.items())

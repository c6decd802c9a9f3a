"""Documents of a request: their formats, and names that the API takes.

A name holds letters, digits, single spaces, hyphens, parentheses and brackets (API_runtime_DocumentBlock), and no two documents
of a conversation share one: everything else becomes a hyphen, and a second one of a name gets a number. The same conversation
gives the same names, so prompt caches stay good.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import Document
from llm_gateway.dialects.bedrock_converse.media import split_data_url

_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)
_ENDINGS = frozenset(_FORMATS.values())
_LONGEST = 190
_FOREIGN = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_SPACES = re.compile(r"\s+")


class Documents:
    """Those of one request, in order."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[str] = set()

    def render(self, part: Document) -> dict[str, Any] | None:
        """The block's content; None for a document that only its URL or id says, or of a type that the API does not have."""
        data, media_type, url = split_data_url(part.data, part.media_type, part.url)
        source: dict[str, Any]
        if part.text is not None:
            source = {"bytes": b64encode(part.text.encode()).decode("ascii")}
            media_type = media_type or "text/plain"
        elif data is not None:
            source = {"bytes": data}
        elif url is not None and url.startswith("s3://"):
            source = {"s3Location": {"uri": url}}
        else:
            return None
        form = _format(media_type, part.name or url or "")
        if form is None:
            return None
        out: dict[str, Any] = {"format": form, "name": self._name(part.name), "source": source}
        if part.context is not None:
            out["context"] = part.context
        if part.citations:
            out["citations"] = {"enabled": True}
        return out

    def _name(self, wanted: str | None) -> str:
        name = _SPACES.sub(" ", _FOREIGN.sub("-", _SPACES.sub(" ", wanted or ""))).strip(" -")[:_LONGEST].rstrip() or "document"
        chosen, count = name, 1
        while chosen in self._names:
            count += 1
            chosen = f"{name} ({count})"
        self._names.add(chosen)
        return chosen


def _format(media_type: str | None, name: str) -> str | None:
    """By the type; without one by the name's ending, and pdf where that says nothing."""
    if media_type is not None:
        kind = media_type.partition(";")[0].strip().lower()
        found = _FORMATS.get(kind)
        return "txt" if found is None and kind.startswith("text/") else found
    ending = name.rpartition(".")[2].lower()
    return ending if ending in _ENDINGS else "pdf"

"""The files that a request names by URL: where they stand, and the request with their bytes in their place."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from msgspec import structs

from llm_gateway.core.chat import ChatRequest, Document, Image, Part, ToolResult
from llm_gateway.dialects.base import Wants
from llm_gateway.dialects.openai_chat.paths import Paths, inside
from llm_gateway.providers.sniff import TEXTS

_URLS: Mapping[tuple[str, type], str] = MappingProxyType(
    {
        ("openai_chat", Image): "image_url.url",
        ("openai_chat", Document): "file.file_data",
        ("openai_responses", Image): "image_url",
        ("openai_responses", Document): "file_url",
        ("anthropic_messages", Image): "source.url",
        ("anthropic_messages", Document): "source.url",
        ("gemini", Image): "fileData.fileUri",
        ("gemini", Document): "fileData.fileUri",
    }
)


class File(NamedTuple):
    """What was fetched."""

    data: bytes
    media_type: str


class Link(NamedTuple):
    """A URL in a request, and what its provider takes in its place."""

    url: str
    types: frozenset[str]
    path: Callable[[], str]
    """Of the URL in the caller's document."""


Files = Mapping[str, File]


def links_in(request: ChatRequest, wants: Wants) -> list[Link]:
    """Those of the kinds that are wanted as bytes."""
    paths = Paths(request)
    found: list[Link] = []
    for index, message in enumerate(request.messages):
        for place, part in enumerate(message.parts):
            where = partial(paths.part, index, place)
            places: list[tuple[Part, Callable[[], str]]] = [(part, where)]
            if isinstance(part, ToolResult):
                places = [(inner, partial(inside, where, number)) for number, inner in enumerate(part.parts)]
            for one, at in places:
                types = _types(one, wants)
                if types is not None:
                    found.append(Link(_url(one), types, partial(_path, request.dialect, type(one), at)))
    return found


def with_files(request: ChatRequest, wants: Wants, files: Files) -> ChatRequest:
    """`request` with those files inside that are in `files`."""
    messages = []
    for message in request.messages:
        parts = tuple([_filled(part, wants, files) for part in message.parts])
        same = all(new is old for new, old in zip(parts, message.parts, strict=True))
        messages.append(message if same else structs.replace(message, parts=parts))
    return structs.replace(request, messages=tuple(messages))


def _filled(part: Part, wants: Wants, files: Files) -> Part:
    if isinstance(part, ToolResult):
        parts = tuple([_filled(inner, wants, files) for inner in part.parts])
        same = all(new is old for new, old in zip(parts, part.parts, strict=True))
        return part if same else structs.replace(part, parts=parts)
    types = _types(part, wants)
    file = None if types is None else files.get(_url(part))
    if file is None or types is None or file.media_type not in types:
        return part
    if isinstance(part, Document) and file.media_type in TEXTS:
        return structs.replace(part, url=None, text=file.data.decode(), media_type=file.media_type)
    return structs.replace(part, url=None, data=b64encode(file.data).decode("ascii"), media_type=file.media_type)


def _types(part: Part, wants: Wants) -> frozenset[str] | None:
    """None for what stays as it is."""
    if not isinstance(part, Image | Document) or part.url is None or part.data is not None:
        return None
    if not part.url[:8].lower().startswith(("http://", "https://")):
        return None
    return wants.get("image" if isinstance(part, Image) else "document")


def _url(part: Part) -> str:
    return part.url or "" if isinstance(part, Image | Document) else ""


def _path(dialect: str, kind: type, at: Callable[[], str]) -> str:
    member = _URLS.get((dialect, kind))
    return at() if member is None else f"{at()}.{member}"

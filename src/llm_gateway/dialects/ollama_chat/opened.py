"""Objects of a caller's request, opened one at a time: what is known of each as a struct, the rest by its path in `extra`."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.dialects.invalid import invalid, malformed
from llm_gateway.dialects.ollama_chat.wire import NULL

_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class Opened:
    """Collects the `extra` of one request."""

    __slots__ = ("extra",)

    def __init__(self, extra: dict[str, Raw]) -> None:
        self.extra = extra

    def take(self, raw: Raw, shape: type[_Shape], path: str) -> _Shape:
        """`raw` at `path` as `shape`. Raises InvalidRequest (with param) and MalformedBody."""
        data = bytes(raw)
        try:
            return decode(data, shape)  # nothing that is not known: the usual case
        except (MalformedJson, msgspec.ValidationError):
            pass  # below are the words for it
        try:
            members = decode(data, dict[str, Raw])
            for name in [name for name in members if name not in shape.__struct_fields__]:
                value = members.pop(name)
                if value != NULL:
                    self.extra[f"{path}.{name}"] = value
            return decode(encode(members), shape)
        except MalformedJson as error:  # inside of what was skipped until now
            raise malformed(data, error) from None
        except msgspec.ValidationError as error:
            raise invalid(error, path) from None

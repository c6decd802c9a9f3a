"""A request of /v1/embeddings, wire to neutral."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.embeddings import EmbeddingsRequest, Input
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.base import View
from llm_gateway.dialects.embeddings.tasks import task_of
from llm_gateway.dialects.invalid import Watched, check_model, read, read_member, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat.request_in import others

NAME = "embeddings"

_NULL = Raw(b"null")
_STRING_OR_LIST = b'"['
_WATCHED = Watched(b"model", b"input")
_KNOWN = frozenset({"model", "input", "encoding_format", "dimensions", "user"})
_TASKS = ("input_type", "task", "task_type")
_NUMBERS = ("output_dtype", "embedding_type")
_CUTS = ("truncate", "truncation")
_NUMBER_TYPES: MappingProxyType[str, Any] = MappingProxyType(
    {"float": None, "base64": None, "int8": "int8", "uint8": "uint8", "binary": "binary", "ubinary": "ubinary"}
)
_CUT: MappingProxyType[Any, Any] = MappingProxyType(
    {True: "end", False: "none", "none": "none", "start": "start", "end": "end", "left": "start", "right": "end"}
)


class _Body(msgspec.Struct, gc=False):
    model: str
    input: Raw = _NULL
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


class _Inputs(msgspec.Struct, gc=False):
    input: str | list[int | str | list[int]]


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    seen = _read(body)
    return View(seen.model, user=seen.user or "")


def parse_request(body: bytes) -> EmbeddingsRequest:
    """OpenAI's members, and by several names what other providers have beside them (`_TASKS`, `_NUMBERS`, `_CUTS`, Voyage's and
    Mistral's output_dimension). Raises InvalidRequest or MalformedBody.
    """
    seen = _read(body)
    more = _More(others(body, _KNOWN))
    dimensions = seen.dimensions
    if dimensions is None:
        dimensions = more.take("dimensions", ("output_dimension",), _positive)
    number_type = more.take("number_type", _NUMBERS, _number_type)
    return EmbeddingsRequest(
        model=seen.model,
        inputs=_inputs(seen.input),
        dimensions=dimensions,
        encoding=_encoding(seen.encoding_format) if seen.encoding_format is not None else more.encoding,
        number_type=number_type,
        user=seen.user,
        task=more.take("task", _TASKS, _task),
        truncate=more.take("truncate", _CUTS, _cut),
        extra=more.left,
        dialect=NAME,
        places=more.places,
    )


class _More:
    """The members that OpenAI does not have, of which some are taken for what they mean elsewhere."""

    def __init__(self, left: dict[str, Raw]) -> None:
        self.left = left
        self.places: dict[str, str] = {}
        self.encoding: Any = "base64" if left.get("embedding_type") == Raw(b'"base64"') else None

    def take(self, name: str, spellings: tuple[str, ...], parse: Any) -> Any:
        """The meaning of the first that is there. What `parse` makes nothing of stays with the rest, and is named if lost."""
        for spelling in spellings:
            if spelling in self.left:
                found = parse(read_member(self.left[spelling], Any, spelling), spelling)
                if found is None:
                    return None
                del self.left[spelling]
                if spelling != name:
                    self.places[name] = spelling
                return None if found == "" else found
        return None


def _task(value: Any, _spelling: str) -> str | None:
    return task_of(value) if isinstance(value, str) else None


def _positive(value: Any, spelling: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise refuse(spelling, "it must be 1 or more")
    return value


def _number_type(value: Any, spelling: str) -> str:
    """Nothing for floats, which are the rule."""
    if not isinstance(value, str) or value not in _NUMBER_TYPES:
        raise refuse(spelling, f"it must be one of {', '.join(_NUMBER_TYPES)}")
    return _NUMBER_TYPES[value] or ""


def _cut(value: Any, _spelling: str) -> str | None:
    if isinstance(value, bool):
        return str(_CUT[value])
    return _CUT.get(value.lower()) if isinstance(value, str) else None


def _read(body: bytes) -> _Body:
    seen = read(body, _Body)
    refuse_duplicates(body, _WATCHED)
    check_model(seen.model)
    if memoryview(seen.input)[0] not in _STRING_OR_LIST:
        if seen.input == _NULL:
            raise refuse("input", "it is required", "missing_field")
        raise refuse("input", "Expected str or array")
    if seen.dimensions is not None and seen.dimensions < 1:
        raise refuse("dimensions", "it must be 1 or more")
    return seen


def _inputs(raw: Raw) -> tuple[Input, ...]:
    """A text, texts, the tokens of one text, or the tokens of several."""
    value = read(b'{"input":%b}' % bytes(raw), _Inputs).input
    if isinstance(value, str):
        return (value,)
    if not value:
        raise refuse("input", "there must be at least one")
    if isinstance(value[0], int):
        tokens = tuple(item for item in value if isinstance(item, int))
        if len(tokens) != len(value):
            raise _mixed()
        return (tokens,)
    texts: list[Input] = [item if isinstance(item, str) else tuple(item) for item in value if not isinstance(item, int)]
    if len(texts) != len(value):
        raise _mixed()
    return tuple(texts)


def _mixed() -> InvalidRequest:
    return refuse("input", "texts and tokens must not be mixed")


def _encoding(name: str) -> Any:
    if name not in ("float", "base64"):
        raise refuse("encoding_format", "it must be float or base64")
    return name

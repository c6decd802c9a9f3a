"""What is wrong with a caller's document, in the caller's words: core errors with the JSON path as `param`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar, overload

import msgspec

from llm_gateway.core.errors import InvalidRequest, MalformedBody, PayloadTooLarge
from llm_gateway.core.json import MalformedJson, decode, path_of
from llm_gateway.core.splice import top_level_duplicates

_Shape = TypeVar("_Shape")

_MODEL = b'"model"'
_ESCAPED = b"\\u00"
_BACKSLASH = ord("\\")

MOST_PARTS = 10_000
"""Of one request that is translated."""

_MISSING = re.compile(r"missing required field `([^`]*)`")
_EXPECTED = re.compile(r"^Expected `[^`]*`(?:, got `[^`]*`)?|^Expected `?array`? of[^-]*")

# Requirements 1.2: the code of a field's error, where it has one of its own.
_CODES = {
    "model": "invalid_model_id",
    "messages": "invalid_messages",
    "contents": "invalid_messages",
    "temperature": "invalid_temperature",
    "top_p": "invalid_top_p",
    "top_k": "invalid_top_k",
    "max_tokens": "invalid_max_tokens",
    "max_completion_tokens": "invalid_max_tokens",
}


@overload
def read(body: bytes, type: type[_Shape]) -> _Shape: ...


@overload
def read(body: bytes, type: Any) -> Any: ...


def read(body: bytes, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    """A caller's `body` as `type`. Raises MalformedBody, and InvalidRequest with param."""
    try:
        return decode(body, type)
    except MalformedJson as error:
        raise malformed(body, error) from None
    except msgspec.ValidationError as error:
        raise invalid(error) from None


@overload
def read_member(raw: msgspec.Raw, type: type[_Shape], path: str) -> _Shape: ...


@overload
def read_member(raw: msgspec.Raw, type: Any, path: str) -> Any: ...


def read_member(raw: msgspec.Raw, type: Any, path: str) -> Any:  # noqa: A002 - as above
    """A member of a document that was read, which stands at `path` of it, as `type`. Raises InvalidRequest with param.

    What was not looked at before may still be wrong: a number of any size is JSON.
    """
    try:
        return msgspec.json.decode(raw, type=type)
    except msgspec.ValidationError as error:
        raise invalid(error, path) from None
    except (msgspec.DecodeError, RecursionError):
        raise refuse(path, "it cannot be read") from None


def malformed(body: bytes, error: MalformedJson) -> MalformedBody:
    """`body` is no JSON document: why, without a piece of it."""
    return MalformedBody("The request has no body" if not body.strip() else f"The request's body could not be read: {error}")


def invalid(error: msgspec.ValidationError, prefix: str = "") -> InvalidRequest:
    """`error` as the caller is told it: where, what was expected, never the value. `prefix` is the path of what was decoded."""
    path = path_of(error)
    if prefix:
        path = f"{prefix}{path if not path or path.startswith('[') else '.' + path}"
    text = str(error)
    missing = _MISSING.search(text)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
        return InvalidRequest(f"Missing required field: {path}", code="missing_field", param=path)
    expected = _EXPECTED.match(text)
    why = expected[0].replace("`", "") if expected else "This value is not allowed here"
    return refuse(path, why if path else f"The request must be a JSON object: {why}")


def refuse(param: str, why: str, code: str | None = None) -> InvalidRequest:
    """An InvalidRequest for the member `param`, with that member's own code."""
    name = param.partition(".")[0].partition("[")[0]
    message = f"Invalid value for {param}: {why}" if param else why
    return InvalidRequest(message, code=code or _CODES.get(name), param=param or None)


def check_parts(contents: Iterable[Any], param: str) -> None:
    """Of all messages together, or of tools: half a million small ones, read one by one, would keep a worker busy for seconds.

    `contents`: lists of parts, those within tools' results among them; what is no list counts nothing. Raises InvalidRequest.
    """
    if sum([len(content) for content in contents if isinstance(content, list)]) > MOST_PARTS:
        raise refuse(param, f"there may be at most {MOST_PARTS} {'tools' if param == 'tools' else 'parts'} in all")


class Watched:
    """Top-level members that we act on, `model` first: a second one of such a name is refused."""

    __slots__ = ("names", "quoted")

    def __init__(self, *names: bytes) -> None:
        self.names = names
        self.quoted = tuple(b'"%b"' % name for name in names)


def refuse_duplicates(body: bytes, watched: Watched) -> int:
    """Two members of one name: another parser may take the other one. Raises InvalidRequest.

    Gives where the value of `model` begins behind its key (View.model_at), -1 where that is not plain to see.
    """
    if body.rfind(_ESCAPED) < 0:  # how a name could be spelled otherwise
        for quoted in watched.quoted:
            last = body.rfind(quoted)  # from the right: CPython's search for a few bytes takes half the time
            if last >= 0 and body.find(quoted, 0, last) >= 0:
                break
        else:
            at = body.find(_MODEL)  # the only one there is; a quote with a backslash before it is inside a text
            return -1 if at < 1 or body[at - 1] == _BACKSLASH else at + len(_MODEL)
    name = top_level_duplicates(body, watched.names)
    if name is not None:
        raise refuse(name, "it stands in the request more than once", "invalid_parameter_value")
    return -1


def check_size(body: bytes, most: int) -> None:
    """What is looked into holds up everyone while it is; what only passes through may be larger. Raises PayloadTooLarge."""
    if len(body) > most:
        raise PayloadTooLarge(f"A body in JSON must not be larger than {most} bytes.")


def check_model(model: str) -> None:
    """Raises InvalidRequest for an id that can be none: empty, over 256 characters, or with control characters."""
    if not model or len(model) > 256 or not model.isprintable():
        raise refuse("model", "it must be 1 to 256 printable characters")

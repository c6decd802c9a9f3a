"""The one door to JSON: what comes in is checked here, and what is wrong with it has one of two names.

`MalformedJson`: not a JSON document. `msgspec.ValidationError`: a JSON document of the wrong shape; `path_of` says where.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, overload

import msgspec

_Shape = TypeVar("_Shape")

_LONE_AT_END = "truncated"
_BOM = b"\xef\xbb\xbf"
_PATH = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")

# One whole escape at a time, so that the second backslash of `\\` never looks like the start of `\ud800`.
_ESCAPE = re.compile(
    rb"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class MalformedJson(ValueError):
    """The bytes are not a JSON document (RFC 8259): its syntax, its UTF-8, or deeper than we follow.

    The message carries no part of the document.
    """


@overload
def decode(data: bytes, type: type[_Shape]) -> _Shape: ...


@overload
def decode(data: bytes, type: Any) -> Any: ...


def decode(data: bytes, type: Any) -> Any:  # noqa: A002 - msgspec's word
    """`data` as `type` (anything msgspec takes as one).

    Raises MalformedJson, and msgspec.ValidationError when the document is well formed as far as it was read and does
    not fit `type`.
    """
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        return msgspec.json.decode(data, type=type)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        # msgspec calls a surrogate escape without its partner "truncated" at a text's end: people would look elsewhere.
        lone = _LONE_AT_END in str(error) and b"\\ud" in data.lower()
        raise MalformedJson("JSON is malformed: a \\ud800-\\udfff escape without its partner" if lone else str(error)) from None
    except UnicodeDecodeError as error:  # it holds the document, so it must not travel on as a cause
        raise MalformedJson(f"JSON is malformed: invalid UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise MalformedJson("JSON is nested too deeply") from None


@overload
def decode_lenient(data: bytes, type: type[_Shape]) -> _Shape: ...


@overload
def decode_lenient(data: bytes, type: Any) -> Any: ...


def decode_lenient(data: bytes, type: Any) -> Any:  # noqa: A002 - msgspec's word
    """`decode`, for the replies of providers, whose damage is not the caller's fault.

    A BOM is dropped; invalid UTF-8 and a surrogate escape without its partner become U+FFFD. A good document pays
    nothing for it. Raises as `decode` does, for what is still wrong then.
    """
    try:
        return decode(data, type)
    except MalformedJson:
        repaired = _repair(data)
        if repaired == data:
            raise
    return decode(repaired, type)


def encode(obj: Any) -> bytes:
    """`obj` as compact JSON in UTF-8. Raises TypeError for what has no JSON form."""
    return msgspec.json.encode(obj)


def path_of(error: msgspec.ValidationError) -> str:
    """Where in the document: "messages[0].role" for an error at `$.messages[0].role`, "" for the document itself.

    A key of a mapping is not named: "metadata[...]".
    """
    found = _PATH.search(str(error))
    return found[1] if found else ""


def _repair(data: bytes) -> bytes:
    data = data.removeprefix(_BOM).decode(errors="replace").encode()
    return _ESCAPE.sub(_without_lone_surrogate, data)


def _without_lone_surrogate(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["lone"] else escape[0]

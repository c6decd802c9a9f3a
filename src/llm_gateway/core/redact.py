"""Hides secrets in plain data before it is shown or kept: by the names of fields, by paths, and by type.

What is hidden becomes `***`. A text that is nothing but `${...}` says where a secret is, not what it is, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from enum import Enum
from typing import Any

import msgspec

HIDDEN = "***"

NAMES = frozenset(
    {
        "api_key",
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "credentials_json",
        "key",
        "key_hash",
        "master_key",
        "old_master_keys",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "password_hash",
        "pepper",
        "private_key",
        "proxy_authorization",
        "secret",
        "set_cookie",
        "signature",
        "token",
    }
)
"""Fields whose values are secrets, written with underscores and in lower case."""
_ENDS = (
    "_api_key",
    "_apikey",
    "_secret",
    "_password",
    "_passwd",
    "_token",
    "_credential",
    "_private_key",
    "_access_key",
    "_passphrase",
)
_REFERENCE = re.compile(r"\$\{[^{}]+\}")
_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SEPARATORS = re.compile(r"[-. ]|(?<=[a-z0-9])(?=[A-Z])")
_DEEPEST = 64


class _Hidden:
    """A secret on its way: it can be compared, and is never shown."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self._value == other._value

    def __hash__(self) -> int:
        return hash(_Hidden)

    def __repr__(self) -> str:
        return HIDDEN


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret, however it is written: apiKey, X-Api-Key, api_key."""
    plain = _SEPARATORS.sub("_", name).lower()
    return plain in NAMES or plain.endswith(_ENDS)


class Redactor:
    """Hides what is_secret says, and what stands at one of `paths`: `providers.*.headers.*`, a `*` for any one name or index."""

    def __init__(self, paths: Collection[str] = ()) -> None:
        self._paths = tuple(tuple(path.split(".")) for path in paths)

    def __call__(self, value: object) -> Any:
        """`value` as plain data (what JSON can say) with its secrets hidden."""
        return _shown(self._plain(value, ()))

    def changes(self, before: object, after: object) -> tuple[Any, Any]:
        """What differs between two values, as plain data with secrets hidden; a secret that changed is there on both sides.

        Mappings are compared by key, everything else as a whole. Nothing differs: (None, None).
        """
        first, second = _differing(self._plain(before, ()), self._plain(after, ()))
        return _shown(first), _shown(second)

    def _plain(self, value: object, path: tuple[str, ...]) -> Any:
        if len(path) > _DEEPEST:
            return HIDDEN
        if path and (self._named(path) or (is_secret(path[-1]) and not _is_count(path[-1], value))):
            return self._hidden(value)
        if hasattr(value, "reveal"):
            return _Hidden(value.reveal())
        if isinstance(value, msgspec.Struct):
            value = {name: getattr(value, name) for name in value.__struct_fields__}
        if isinstance(value, Mapping):
            return {str(key): self._plain(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(item, (*path, str(index))) for index, item in enumerate(value)]
        if isinstance(value, set | frozenset):
            return sorted((self._plain(item, (*path, "*")) for item in value), key=repr)
        return _scalar(value)

    def _hidden(self, value: object) -> Any:
        if value is None or isinstance(value, bool) or (isinstance(value, str) and (not value or _REFERENCE.fullmatch(value))):
            return value
        if isinstance(value, Mapping | msgspec.Struct | list | tuple):  # a section of that name: its leaves are hidden
            return _all_hidden(value, 0)
        return _Hidden(value.reveal() if hasattr(value, "reveal") else value)

    def _named(self, path: tuple[str, ...]) -> bool:
        return any(
            len(pattern) == len(path) and all(one in {"*", name} for one, name in zip(pattern, path, strict=True))
            for pattern in self._paths
        )


def _is_count(name: str, value: object) -> bool:
    """A number such as that of per_token is no token."""
    return isinstance(value, int | float) and name.lower().endswith("_token")


def _all_hidden(value: object, depth: int) -> Any:
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, msgspec.Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _all_hidden(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all_hidden(item, depth + 1) for item in value]
    return value if value is None or isinstance(value, bool) else _Hidden(value)


def _scalar(value: object) -> Any:
    if isinstance(value, str):
        return _IN_URL.sub(HIDDEN, value.encode("utf-8", "replace").decode())
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 63 else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, date):
        return value.isoformat()
    return _scalar(value.value) if isinstance(value, Enum) else _IN_URL.sub(HIDDEN, str(value))


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    if before == after:
        return None, None
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for key in {**before, **after}:
        if key in before and key in after:
            if before[key] != after[key]:
                first[key], second[key] = _differing(before[key], after[key])
        elif key in before:
            first[key] = before[key]
        else:
            second[key] = after[key]
    return first, second


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return HIDDEN if isinstance(value, _Hidden) else value

"""One written value to one value of a field's type: text, numbers, yes and no, choices, dates, and the classes of values.py.

The texts here say what was expected and, at most, what kind of thing was found: never the value itself, which may be a
secret in the wrong place. Choices are the exception, hidden when they look like a credential or came from outside.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.errors import Wrong, did_you_mean, shown
from llm_gateway.config.tree import Node, scalar
from llm_gateway.config.values import Duration, Money, Size

_KINDS: Final = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (dict, "a mapping"),
    (list, "a list"),
)
_NAMED: Final = MappingProxyType({Duration: "a duration", Size: "a size", Money: "dollars"})
"""The classes of values.py that a number may stand for."""


def leaf(kind: mi.Type, node: Node, *, positive: bool) -> Any:
    """The value of `kind` that `node` stands for. Raises Wrong."""
    match kind:
        case mi.StrType():
            return _text(kind, node)
        case mi.IntType() | mi.FloatType():
            return _number(kind, node)
        case mi.BoolType():
            value = scalar(node.value) if node.loose else node.value
            if isinstance(value, bool):
                return value
            raise Wrong(f"expected true or false, found {found(node)}")
        case mi.LiteralType():
            return _choice(kind, node)
        case mi.DateTimeType() | mi.DateType():
            return _moment(kind, node)
        case mi.CustomType():
            return _written(kind.cls, node, positive=positive)
    raise TypeError(f"the schema has a field of a kind that is not read: {kind}")


def found(node: Node) -> str:
    """What kind of thing is there, for "expected ..., found ..."."""
    if node.origin and isinstance(node.value, str):
        return f"what {node.origin} holds" if node.origin.startswith("${") else "something else"
    if node.value is None:
        return "nothing"
    return next((words for cls, words in _KINDS if isinstance(node.value, cls)), "a date")


def written(node: Node) -> str:
    """The text of a scalar; a number counts as the characters it was written with. Raises Wrong."""
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool) and node.text:
        value = node.text
    if not isinstance(value, str):
        raise Wrong(f"expected text, found {found(node)}", "put it in quotes" if isinstance(value, bool | date) else "")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Wrong("holds bytes that are not UTF-8") from None
    return value


def _text(kind: mi.StrType, node: Node) -> str:
    text = written(node)
    if len(text) < (kind.min_length or 0):
        raise Wrong("is empty" if not text else f"is shorter than {kind.min_length} characters")
    if kind.max_length is not None and len(text) > kind.max_length:
        raise Wrong(f"is longer than {kind.max_length} characters")
    if any(character < " " or character == "\x7f" for character in text):
        raise Wrong("holds a line end or another control character")
    if kind.pattern and not re.search(kind.pattern, text):
        raise Wrong("has the wrong form")
    return text


def _number(kind: mi.IntType | mi.FloatType, node: Node) -> int | float:
    value: Any = scalar(node.value.strip()) if node.loose else node.value
    whole = isinstance(kind, mi.IntType)
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not right or not math.isfinite(value):
        raise Wrong(f"expected {'a whole number' if whole else 'a number'}{_range(kind)}, found {found(node)}")
    low = (kind.ge is None or value >= kind.ge) and (kind.gt is None or value > kind.gt)
    high = (kind.le is None or value <= kind.le) and (kind.lt is None or value < kind.lt)
    if not (low and high):
        raise Wrong(f"expected {'a whole number' if whole else 'a number'}{_range(kind)}")
    return value if whole else float(value)


def _range(kind: mi.IntType | mi.FloatType) -> str:
    if kind.ge is not None and kind.ge == kind.le:
        return f", {kind.ge} and no other"
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    if kind.gt is not None and kind.le is not None:
        return f" above {kind.gt}, {kind.le} at most"
    return ""


def _choice(kind: mi.LiteralType, node: Node) -> Any:
    choices = [str(value) for value in kind.values]
    text = str(node.value).lower() if isinstance(node.value, bool) else written(node)
    if text in choices:
        return text
    given = found(node) if node.origin else f'"{shown(text)}"'
    expected = choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
    raise Wrong(f"expected {expected}, found {given}", "" if node.origin else did_you_mean(text, choices))


def _moment(kind: mi.DateTimeType | mi.DateType, node: Node) -> date:
    wants_time = isinstance(kind, mi.DateTimeType)
    example = "2027-01-31T12:00:00Z" if wants_time else "2027-01-31"
    if isinstance(node.value, str | date):
        try:
            moment: date = msgspec.convert(node.value, datetime if wants_time else date)
        except (msgspec.ValidationError, ValueError):
            raise Wrong(f"expected {'a moment' if wants_time else 'a day'} such as {example}") from None
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise Wrong("has no time zone", f"write it like {example}")
        return moment
    raise Wrong(f"expected {'a moment' if wants_time else 'a day'} such as {example}, found {found(node)}")


def _written(cls: Any, node: Node, *, positive: bool) -> Any:
    if isinstance(node.value, dict | list) or node.value is None:
        raise Wrong(f"expected {_NAMED.get(cls, 'text')}, found {found(node)}")
    try:
        value = cls.parse(node.value if cls in _NAMED else written(node))
    except ValueError as error:
        raise Wrong(str(error)) from None
    if positive and not value:
        raise Wrong("must be more than 0")
    return value

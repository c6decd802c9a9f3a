"""What a condition can ask about: names, kinds, and the words that some of them are limited to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Kind(Enum):
    """What can be asked of a field: `value` is what an error calls it."""

    TEXT = "text"
    WORD = "one of a few words"
    WORDS = "a set of words"
    COUNT = "a whole number"
    MONEY = "dollars"
    LEVEL = "a priority"
    TIME = "a time of day"
    NETWORK = "an address or network"
    YES = "yes or no"


@dataclass(frozen=True)
class Field:
    """`words`: all there are, in order; empty: any. `named`: it is a mapping, and a test names the entry."""

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    named: bool = False
    about: str = ""


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PRIORITIES = ("low", "normal", "high", "critical")
NEEDS = ("streaming", "tools", "images", "audio", "documents", "json_schema", "reasoning")
"""In the order of the bits of routing.features.Needs."""
OPERATIONS = (
    "chat",
    "completion",
    "embedding",
    "rerank",
    "count_tokens",
    "realtime",
    "images",
    "speech",
    "transcription",
    "moderation",
    "ocr",
    "fill-in-the-middle",
    "files",
    "batches",
    "pass-through",
)
"""Those of dialects.base.Operation."""

FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        field.name: field
        for field in (
            Field("model", Kind.TEXT, about="The model that was asked for, as it was written."),
            Field("operation", Kind.WORD, OPERATIONS, about="What is asked of it."),
            Field("tenant", Kind.TEXT, about="Of the key (auth.keys[].tenant)."),
            Field("project", Kind.TEXT, about="Of the key."),
            Field("key", Kind.TEXT, about="The key's name."),
            Field("user", Kind.TEXT, about="The end user that the request names."),
            Field("session", Kind.TEXT, about="What sticky routing holds on to: a session, else the user, else the key."),
            Field("tags", Kind.WORDS, about="Of the key."),
            Field("header", Kind.TEXT, named=True, about="A header of the request, by its name."),
            Field("metadata", Kind.TEXT, named=True, about="An entry of x_gateway_metadata, by its name."),
            Field("region", Kind.TEXT, about="Where this gateway runs (routing.region)."),
            Field("source", Kind.NETWORK, about="The caller's address."),
            Field("time", Kind.TIME, about="The time of day, UTC."),
            Field("weekday", Kind.WORD, WEEKDAYS, about="The day of the week, UTC."),
            Field("tokens", Kind.COUNT, about="Estimated tokens of the prompt."),
            Field("output", Kind.COUNT, about="Most output tokens that the caller allows, where it says so."),
            Field("cost", Kind.MONEY, about="Estimated dollars at the cheapest deployment of the route that was asked for."),
            Field("needs", Kind.WORDS, NEEDS, about="What the model must be able to do."),
            Field("priority", Kind.LEVEL, PRIORITIES, about="The request's priority class."),
            Field("stream", Kind.YES, about="Whether the answer is a stream."),
        )
    }
)

IS, STARTS, ENDS, CONTAINS, GLOB, REGEX, REGEX_FOLDED = "is", "starts_with", "ends_with", "contains", "glob", "regex", "regex_i"
LESS, AT_MOST, MORE, AT_LEAST, BETWEEN = "<", "<=", ">", ">=", "between"

_ORDERED = (IS, LESS, AT_MOST, MORE, AT_LEAST, BETWEEN)
OPERATORS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.TEXT: (IS, STARTS, ENDS, CONTAINS, GLOB, REGEX, REGEX_FOLDED),
        Kind.WORD: (IS,),
        Kind.WORDS: (CONTAINS,),
        Kind.COUNT: _ORDERED,
        Kind.MONEY: _ORDERED,
        Kind.LEVEL: _ORDERED,
        Kind.TIME: (LESS, AT_MOST, MORE, AT_LEAST, BETWEEN),
        Kind.NETWORK: (IS,),
        Kind.YES: (IS,),
    }
)
"""What each kind can be tested for."""

WRITTEN: Mapping[str, str] = MappingProxyType(
    {
        "equals": IS,
        "in": IS,
        "starts_with": STARTS,
        "ends_with": ENDS,
        "contains": CONTAINS,
        "matches": GLOB,
        "lt": LESS,
        "le": AT_MOST,
        "gt": MORE,
        "ge": AT_LEAST,
        "between": BETWEEN,
    }
)
"""How operators are called in YAML; `matches` is a regular expression where its text stands between slashes."""

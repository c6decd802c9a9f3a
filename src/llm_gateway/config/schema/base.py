"""What every section of the schema is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import msgspec

Fault = tuple[str, str]
"""A field (or "" for the whole section) and what is wrong with it."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the configuration. Field names are the keys; their descriptions are the reference page."""

    short: ClassVar[str] = ""
    """The field that a plain text stands for, if the section has a short form."""
    short_text: ClassVar[str] = "provider/model"
    """What that text is, for editors."""

    def check(self) -> Iterator[Fault]:
        """What is wrong between fields that are each right by themselves."""
        yield from ()


def about(description: str, *, hint: str = "", positive: bool = False, **limits: Any) -> msgspec.Meta:
    """A field's line of the reference page, with its limits.

    `hint` is added to the error text when a limit is broken; `positive` refuses 0 for durations and sizes.
    """
    return msgspec.Meta(description=description, extra={"hint": hint, "positive": positive}, **limits)


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Pace = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]

"""Members that stand in a JSON object twice: another reader of the same bytes may take the other one (RFC 8259 section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from llm_gateway.control.api.refusals import refused

_LONGEST_SHOWN = 64
_LONGEST_PATH = 256
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\],:]', re.DOTALL)


@dataclass
class _Inside:
    """An object or a list that is being read."""

    names: set[str] | None
    """Of an object; None: it is a list."""
    at: str | int = field(default="")
    """The member, or the entry, that is being read."""


def refuse_duplicates(data: bytes) -> None:
    """`data` is a JSON document. Raises InvalidRequest (400) for the first member that is there already."""
    path = duplicate(data)
    if path is not None:
        message = f"{path}: stands in its object more than once; which of them is meant?"
        raise refused(400, "duplicate_member", message, path)


def duplicate(data: bytes) -> str | None:
    """Where the first one is (`limits.requests`, `deployments[0].model`); None: there is none."""
    stack: list[_Inside] = []
    text = b""
    for token in _TOKEN.findall(data):
        match token:
            case b"{":
                stack.append(_Inside(set()))
            case b"[":
                stack.append(_Inside(None, 0))
            case b"}" | b"]":
                stack.pop()
            case b":":
                name = msgspec.json.decode(text, type=str)
                names = stack[-1].names
                assert names is not None  # noqa: S101 - a document has this in objects only
                stack[-1].at = name
                if name in names:
                    return _path(stack)
                names.add(name)
            case b",":
                if isinstance(stack[-1].at, int):
                    stack[-1].at += 1
            case _:
                text = token
    return None


def _path(stack: list[_Inside]) -> str:
    path = ""
    for inside in stack:
        if isinstance(inside.at, int):
            path += f"[{inside.at}]"
        else:
            path += ("." if path else "") + inside.at[:_LONGEST_SHOWN]
    return path if len(path) <= _LONGEST_PATH else f"...{path[-_LONGEST_PATH:]}"

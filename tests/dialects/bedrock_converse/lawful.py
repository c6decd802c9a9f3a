"""The rules of Converse that its service model does not say: what a rendered request breaks of them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NAME = re.compile(r"(?!.*  )[A-Za-z0-9()\[\] -]{1,200}")


def broken(body: dict[str, Any]) -> list[str]:
    """Empty for a request that the API would take."""
    found: list[str] = []
    roles = [turn["role"] for turn in body["messages"]]
    if roles[0] != "user":
        found.append("the first turn is not the user's")
    if any(one == other for one, other in pairwise(roles)):
        found.append("roles do not alternate")
    names: list[str] = []
    for turn in body["messages"]:
        found += _turn(turn["content"], names)
    if len(set(names)) < len(names):
        found.append("two documents of one name")
    found += [f"document name {name!r}" for name in names if not _NAME.fullmatch(name)]
    if any(kind in {"toolUse", "toolResult"} for turn in body["messages"] for block in turn["content"] for kind in block):
        found += [] if "toolConfig" in body else ["calls without toolConfig"]
    if "toolConfig" in body and not body["toolConfig"]["tools"]:
        found.append("no tools in toolConfig")
    return found


def _turn(content: list[dict[str, Any]], names: list[str]) -> list[str]:
    found = [] if content else ["an empty turn"]
    before = None
    for block in content:
        (kind,) = block
        if kind == "cachePoint" and before in {None, "document", "cachePoint"}:
            found.append(f"cachePoint behind {before}")
        found += _block(kind, block[kind], names)
        before = kind
    kinds = [kind for block in content for kind in block]
    if "document" in kinds and "text" not in kinds:
        found.append("a document without a text")
    if "toolResult" in kinds and kinds[0] != "toolResult":
        found.append("results do not come first")
    return found


def _block(kind: str, held: Any, names: list[str]) -> list[str]:
    match kind:
        case "text":
            return [] if held.strip() else ["a blank text"]
        case "document":
            names.append(held["name"])
        case "toolUse" if not _ID.fullmatch(held["toolUseId"]) or not isinstance(held["input"], dict):
            return ["a call's id or input"]
        case "toolResult":
            inner = [problem for block in held["content"] for (k, v) in block.items() for problem in _block(k, v, names)]
            if held.get("status") == "error" and not held["content"]:
                inner.append("an error without content")
            return inner if _ID.fullmatch(held["toolUseId"]) else [*inner, "a result's id"]
    return []

"""Where in a schema something stands: JSON pointers (RFC 6901) that references hold, and the paths that callers are shown."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from llm_gateway.dialects.schemas.refused import Refused

_PLAIN = re.compile(r"[\w$-]{1,128}")
_SHOWN = 64
_INDEX = re.compile(r"0|[1-9]\d{0,8}")
_SEARCHED = 20_000


def below(path: str, *steps: str | int) -> str:
    """`path` with steps into it: properties["a b"].anyOf[0] for the steps properties, a b, anyOf, 0."""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif (step.isidentifier() and len(step) < _SHOWN) or _PLAIN.fullmatch(step):
            path += f".{step}" if path else step
        else:
            shown = step[:_SHOWN].encode("unicode_escape").decode().replace('"', "'")
            path += f'["{shown}"]'
    return path


class References:
    """Those of one document. Nothing outside of it is ever read."""

    __slots__ = ("_anchors", "_root")

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._anchors: dict[str, str] | None = None

    def pointer(self, reference: Any, path: str) -> str:
        """The JSON pointer that `reference` means: "" for the whole document. Raises Refused."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Refused(path, "it refers to another document")
        fragment = unquote(reference[1:])
        if fragment == "" or fragment.startswith("/"):
            return fragment
        if self._anchors is None:
            self._anchors = _anchors(self._root)
        found = self._anchors.get(fragment)
        if found is None:
            raise Refused(path, "it refers to something that is not there")
        return found

    def target(self, pointer: str, path: str) -> dict[str, Any] | bool:
        """The schema at `pointer`. Raises Refused."""
        found: Any = self._root
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and _INDEX.fullmatch(key) and int(key) < len(found):
                found = found[int(key)]
            else:
                raise Refused(path, "it refers to something that is not there")
        if not isinstance(found, dict | bool):
            raise Refused(path, "it refers to something that is no schema")
        return found


def _anchors(root: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting: list[tuple[Any, str]] = [(root, "")]
    for node, pointer in waiting:
        if len(waiting) > _SEARCHED:
            break
        if isinstance(node, dict):
            anchor = node.get("$anchor")
            if isinstance(anchor, str):
                found.setdefault(anchor, pointer)
            waiting += [(value, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}") for key, value in node.items()]
        elif isinstance(node, list):
            waiting += [(value, f"{pointer}/{index}") for index, value in enumerate(node)]
    return found

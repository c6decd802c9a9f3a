"""What differs between two configurations, place by place."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from llm_gateway.config.errors import Path, render
from llm_gateway.config.load import redacted
from llm_gateway.config.schema import Sections
from llm_gateway.config.values import Secret
from llm_gateway.core.redact import HIDDEN

MARKED = f"{HIDDEN} "
"""What a secret's fingerprint begins with."""
MOST = 1000
"""Differences that are told; more are counted."""


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """At one place. A side without a value has none there; a secret that is another one is `***` on both."""

    path: str
    change: str
    """added, removed, changed"""
    before: Any = None
    after: Any = None


def fingerprinted(config: Sections, key: bytes) -> dict[str, Any]:
    """The effective configuration as plain data; secrets as keyed fingerprints, which tell only whether two are the same."""

    def encode(value: object) -> str:
        if not isinstance(value, Secret):
            return str(value)
        return MARKED + hmac.digest(key, value.reveal().encode(), "sha256").hex()[:16]

    return redacted(config, encode)


def hidden(value: Any) -> Any:
    """The same without fingerprints."""
    if isinstance(value, dict):
        return {name: hidden(item) for name, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return HIDDEN if isinstance(value, str) and value.startswith(MARKED) else value


def differences(before: Any, after: Any, where: Callable[[Path], bool] = lambda _path: True) -> list[Difference]:
    """All of them, in the order of the first. Entries of a list that have names are compared by these."""
    return [difference for path, difference in _differing(before, after, ()) if where(path)]


def _differing(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Difference]]:
    if before == after:
        return
    first, second = _mapping(before), _mapping(after)
    if first is None or second is None:
        yield path, Difference(render(path), "changed", hidden(before), hidden(after))
        return
    for key in dict.fromkeys((*first, *second)):
        inside = (*path, key)
        if key not in second:
            yield inside, Difference(render(inside), "removed", before=hidden(first[key]))
        elif key not in first:
            yield inside, Difference(render(inside), "added", after=hidden(second[key]))
        else:
            yield from _differing(first[key], second[key], inside)
    if list(first) != list(second) and set(first) == set(second) and isinstance(before, list):
        yield path, Difference(f"{render(path)}", "reordered", list(first), list(second))


def _mapping(value: Any) -> dict[str | int, Any] | None:
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
        named = {item["name"]: item for item in value}
        return named if len(named) == len(value) else None
    return None

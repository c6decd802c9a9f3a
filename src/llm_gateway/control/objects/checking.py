"""Objects checked beside everything else: references into the configuration, and parents whose rights are not to be exceeded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llm_gateway.config.errors import ConfigErrors, Path, Problems, Where, Wrong, render
from llm_gateway.config.load import config_of
from llm_gateway.config.schema import Config
from llm_gateway.config.schema.tenants import Scope
from llm_gateway.config.tree import Node, plant, put
from llm_gateway.control.api.reading import refusal
from llm_gateway.control.api.refusals import invalid
from llm_gateway.core.caller import Names
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names

BODY = Where("body")


def in_place(tree: Node, beside: Iterable[Path], path: Path, document: Mapping[str, Any]) -> Config:
    """The configuration with an object in it, checked as a whole. To be called in a thread: it takes some tens of milliseconds.

    `beside`: places of other objects of the store, which are there by name. Raises InvalidRequest (422) with the places inside
    of the object.
    """
    problems = Problems()
    try:
        for other in beside:
            tree = put(tree, other, Node({}, BODY))
        tree = put(tree, path, plant(dict(document), BODY))
        return config_of(tree, problems, option_names(), DIALECTS)
    except Wrong as wrong:
        raise invalid([(render(path), wrong.message)]) from None
    except ConfigErrors as errors:
        raise refusal(errors, path) from None


def within(child: Any, parents: Iterable[tuple[str, Scope]]) -> None:
    """Raises InvalidRequest (422), naming the fields in which a child says more than a parent has. What a child does not say, it
    has from its parents. `child`: a Scope, a Grant, or what has such fields.
    """
    problems: list[tuple[str, str]] = []
    for name, parent in parents:
        if parent.models is not None and (models := child.models) not in (None, ("*",)):
            problems += _beyond("models", models, Names(parent.models), name)
        for field in ("providers", "regions"):
            most = getattr(parent, field)
            if most is not None and getattr(child, field) is not None:
                problems += _beyond(field, getattr(child, field), Names(most), name)
        passthrough = getattr(child, "passthrough", ())
        if parent.providers is not None and passthrough not in ((), ("*",)):
            problems += _beyond("passthrough", passthrough, Names(parent.providers), name)
    if problems:
        raise invalid(problems)


def _beyond(field: str, names: Iterable[str], most: Names, parent: str) -> list[tuple[str, str]]:
    return [(f"{field}[{place}]", f"{parent} may not use {name}") for place, name in enumerate(names) if not most.allows(name)]

"""The types of providers that a configuration declares itself: their names ahead of everything, and what they name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llm_gateway.config.errors import Path, Problems, Where, Wrong, did_you_mean, one_of
from llm_gateway.config.schema import DeclaredType
from llm_gateway.config.schema.base import NAME
from llm_gateway.config.tree import Node, locate, opened

SECTION = "provider_types"


def declared_names(root: Node) -> tuple[str, ...]:
    """What `provider_types` declares, before any of it was read: providers may be of these types."""
    section = root.value.get(SECTION) if isinstance(root.value, dict) else None
    if section is None:
        return ()
    try:
        value = opened(section).value
    except Wrong:  # told when it is bound
        return ()
    return tuple(value) if isinstance(value, dict) else ()


def check_types(
    declared: Mapping[str, DeclaredType | None],
    root: Node,
    problems: Problems,
    built_in: Collection[str],
    dialects: Collection[str] | None,
) -> None:
    """Note names that cannot be used, and dialects that do not exist. None: an entry that could not be read."""
    for name, kind in declared.items():
        where, at = _named(root, (SECTION, name))
        if name in built_in:
            problems.add(where, at, "there is such a type already", "give it another name")
        elif not NAME.fullmatch(name):
            problems.add(where, at, "is not a usable name", "use letters, digits, '.', '_' and '-', 64 at most")
        if kind is not None and dialects is not None:
            check_dialects(kind, root, (SECTION, name), problems, dialects)


def check_dialects(kind: DeclaredType, root: Node, path: Path, problems: Problems, dialects: Collection[str]) -> None:
    """Note every endpoint of `kind`, which stands at `path`, that is none of `dialects`."""
    for dialect in kind.endpoints or ():
        if dialect not in dialects:
            where, at = _named(root, (*path, "endpoints", dialect))
            problems.add(where, at, "there is no such dialect", did_you_mean(dialect, dialects) or one_of(dialects))


def _named(root: Node, path: Path) -> tuple[Where, Path]:
    """Where the last name of `path` stands (not its value), and how much of the path was written."""
    parent, _ = locate(root, path[:-1])
    node, written = locate(root, path)
    return parent.keys.get(str(path[-1]), node.where), written

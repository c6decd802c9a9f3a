"""What a configuration wants from secret stores, found before anything is bound.

Then somebody fetches it (credentials/stores), and `load` reads the same again, with a `resolve` that has the values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from llm_gateway.config.bind import Binder, struct_info
from llm_gateway.config.environment import overlay_flags, overlay_variables
from llm_gateway.config.errors import Problems
from llm_gateway.config.interpolate import Interpolation, Unfetched
from llm_gateway.config.load import read_root
from llm_gateway.config.schema import Network, Secrets, Section
from llm_gateway.config.tree import Node

_OWN = "secrets"
_MAY = frozenset({"master_key", "old_master_keys"})
"""What may come from a store although it stands in `secrets`."""


@dataclass(frozen=True, order=True, slots=True)
class Reference:
    """`${kind:name}`, as it stands in a file."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What has to be fetched, each once, and how."""

    references: tuple[Reference, ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    network: Network = field(default_factory=Network)


def gather(path: str | os.PathLike[str] | None = None, *, overrides: Sequence[str] = (), environ: Mapping[str, str]) -> Gathered:
    """What `load` with the same arguments would ask its `resolve` for. Mistakes elsewhere are left for `load` to tell.

    Raises ConfigErrors for a file that cannot be read at all, and for settings of stores that are wrong or would have to come
    from a store themselves.
    """
    unseen = Problems()  # what is wrong elsewhere is told by load, with everything else
    found: set[Reference] = set()

    def note(kind: str, name: str) -> str:
        found.add(Reference(kind, name))
        raise Unfetched

    root, _ = read_root(path, environ, unseen)
    filling = Interpolation(environ, unseen, note)
    filling.fill(root)
    root = overlay_variables(root, environ, {_OWN: (), "network": ()}, Problems())
    root = overlay_flags(root, overrides, filling.fill, Problems())
    if not found:
        return Gathered()
    told = Problems()
    _refuse_circles(filling, told)
    binder = Binder(told, {})
    secrets = cast("Secrets", _bound(binder, root, _OWN, Secrets))
    network = cast("Network", _bound(binder, root, "network", Network))
    told.raise_if_any()
    return Gathered(tuple(sorted(found)), secrets, network)


def _bound(binder: Binder, root: Node, name: str, cls: type[Section]) -> Section:
    node = root.value.get(name) if isinstance(root.value, dict) else None
    bound: Section = cls() if node is None else binder.bind(struct_info(cls), node, (name,), cls())
    return bound


def _refuse_circles(filling: Interpolation, problems: Problems) -> None:
    """A store cannot tell how it is reached."""
    for node, path in filling.unfetched:
        if path[0] == "network" or (path[0] == _OWN and not _MAY.intersection(path)):
            hint = "take it from ${env:...} or ${file:...}"
            problems.add(node.where, path, "is needed to reach the secret stores, and cannot come from one of them", hint)

"""What a configuration may say and whoever wrote it probably does not want: it is used all the same, and told with its place."""

from __future__ import annotations

from collections.abc import Iterator

from llm_gateway.config.errors import Path, Problem, render
from llm_gateway.config.load import Loaded
from llm_gateway.config.schema.addresses import is_secure
from llm_gateway.config.tree import locate


def remarks(loaded: Loaded) -> tuple[Problem, ...]:
    """In the order of their places. No text repeats a value."""
    found = []
    for path, message, suggestion in _found(loaded):
        node, written = locate(loaded.tree, path)
        found.append(Problem(node.where, render(written), message, suggestion))
    return tuple(sorted(found, key=lambda one: (one.where, one.path)))


def _found(loaded: Loaded) -> Iterator[tuple[Path, str, str]]:
    tracing = loaded.config.telemetry.tracing
    if tracing.on and tracing.headers and not is_secure(tracing.endpoint or ""):
        yield (
            ("telemetry", "tracing", "headers"),
            "go to the collector in clear text, a key among them too",
            "let endpoint begin with https://, or send to a collector on this machine",
        )

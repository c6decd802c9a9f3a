"""Secrets go where they were meant to go: who may define providers must not be able to have others' keys sent to his address.

What the API shows of a provider hides its secrets, and what is sent back as `***` or left out of a patch keeps them. So they have
to be sent anew when the address is another one. What the gateway has without being given it there is ambient.py's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.configuring.documents import shown
from llm_gateway.control.configuring.kinds import PROVIDER
from llm_gateway.core.redact import HIDDEN

ADDRESS = (
    ("type",),
    ("base_url",),
    ("proxy",),
    ("tls",),
    ("region",),
    ("entra", "authority"),
    ("aws", "sts_endpoint"),
)
"""Members of a provider that say where its requests go, or its secrets."""


def check(sent: Mapping[str, Any], made: Mapping[str, Any], old: Mapping[str, Any] | None, inside: str = "") -> None:
    """`sent`: what came; `made`: the provider that it comes to; `old`: the one there was; `inside`: where it stands in what came.

    Raises InvalidRequest.
    """
    if old is None or all(_at(made, path) == _at(old, path) for path in ADDRESS):
        return
    problems = [
        (f"{inside}{'.'.join(path)}", "has to be sent again where the address changes: it was given for another one")
        for path in _secrets(shown(PROVIDER, made), ())
        if _at(sent, path) in (None, HIDDEN)
    ]
    if problems:
        raise invalid(problems)


def _secrets(document: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places of what is hidden in a document as it is shown."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _secrets(value, (*path, name))
    elif document == HIDDEN:
        yield path


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document

"""`${...}` in the texts of a file: environment variables, defaults, and files such as mounted secrets.

    ${NAME}  ${env:NAME}     the variable; an error if it is not set
    ${NAME:-text}            the variable, or `text` if it is not set or empty
    ${file:/run/secrets/x}   the file's text without its last line end
    ${vault:path#key}        what a secret store holds (STORES); fetched beforehand, see gather.py
    $${                      a literal ${

Replacing happens in the tree, after the file was read: what a variable holds cannot become structure.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath

from llm_gateway.config.errors import Path, Problems, Where, Wrong, did_you_mean, shown
from llm_gateway.config.tree import BROKEN, Node

MOST_BYTES = 64 * 1024
"""Of a file that is referred to."""

STORES = ("vault", "aws-sm", "gcp-sm", "azure-kv")
"""The kinds of references whose values are fetched from elsewhere."""

Resolve = Callable[[str, str], str]
"""Kind and name of a reference to its value, which was fetched beforehand. Raises Wrong, or Unfetched."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class Unfetched(Exception):
    """The value is not there, and nobody is to be told: it is being collected, or was not to be fetched."""


class StandIn(str):
    """Stands for a value that is not to be fetched, so that everything else can be checked."""

    __slots__ = ()


def no_stores(kind: str, name: str) -> str:
    """For those who read a configuration without asking any store."""
    raise Wrong(f"${{{kind}:{shown(name)}}} was not fetched: secret stores are not asked here")


class Interpolation:
    """Fills in one tree, in place.

    `sources` are the files that were read for it, `unfetched` the nodes that `resolve` raised Unfetched for, and their paths,
    `stand_ins` the places that hold a StandIn.
    """

    def __init__(self, environ: Mapping[str, str], problems: Problems, resolve: Resolve = no_stores) -> None:
        self.sources: list[str] = []
        self.unfetched: list[tuple[Node, Path]] = []
        self.stand_ins: set[Where] = set()
        self._environ = environ
        self._problems = problems
        self._resolve = resolve
        self._done: set[int] = set()

    def fill(self, node: Node, path: Path = ()) -> None:
        """Replace every reference below `node`; what cannot be replaced is noted and becomes BROKEN."""
        if id(node) in self._done:  # an anchor's node is reached once for each of its aliases
            return
        self._done.add(id(node))
        if isinstance(node.value, dict):
            for key, child in node.value.items():
                self.fill(child, (*path, key))
        elif isinstance(node.value, list):
            for index, child in enumerate(node.value):
                self.fill(child, (*path, index))
        elif isinstance(node.value, str) and "${" in node.value:
            self._replace(node, path)

    def _replace(self, node: Node, path: Path) -> None:
        origins: list[str] = []
        try:
            node.value = _REFERENCE.sub(lambda match: self._one(match, origins, node.where), node.value)
        except Wrong as wrong:
            node.value = BROKEN
            self._problems.add(node.where, path, wrong.message, wrong.suggestion)
        except Unfetched:
            node.value = BROKEN
            self.unfetched.append((node, path))
        node.origin = node.origin or " and ".join(origins)

    def _one(self, match: re.Match[str], origins: list[str], where: Where) -> str:
        body = match[1]
        if match[0] == "$${":
            return "${"
        if body is None:
            raise Wrong("a ${ is not closed, or holds another one", "write $${ for a literal ${")
        if body.startswith("file:"):
            origins.append("${file:...}")
            return self._read(body[5:])
        kind, colon, name_there = body.partition(":")
        if colon and kind in STORES:
            origins.append(f"${{{kind}:...}}")
            value_there = self._resolve(kind, name_there)
            if isinstance(value_there, StandIn):
                self.stand_ins.add(where)
            return value_there
        name = _NAME.fullmatch(body)
        if name is None:
            hint = did_you_mean(kind, (*STORES, "env", "file")) if colon and not name_there.startswith("-") else ""
            expected = "expected ${NAME}, ${NAME:-default}, ${file:/path} or ${vault:path#key}"
            raise Wrong(expected, hint or "write $${ for a literal ${")
        origins.append(f"${{{name[1]}}}")
        value = self._environ.get(name[1])
        if name[2] is not None:
            value = value or name[2]
        if value is None:
            hint = did_you_mean(name[1], self._environ) or f"set it, or write ${{{name[1]}:-default}}"
            raise Wrong(f"the environment variable {name[1]} is not set", hint)
        return value

    def _read(self, name: str) -> str:
        try:
            path = FilePath(name)
            if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait
                raise Wrong(f"{shown(name)} is not a regular file")
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise Wrong(f"{shown(name)} is larger than {MOST_BYTES} bytes")
            self.sources.append(name)
            return data.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise Wrong(f"{shown(name)} cannot be read: {error.strerror or 'no reason given'}") from None
        except ValueError:
            raise Wrong(f"{shown(name)} is not UTF-8 text" if "\0" not in name else "a file name cannot hold NUL") from None

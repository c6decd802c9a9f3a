"""Values from outside the files: `GATEWAY_*` variables and `--set path=value` flags.

`GATEWAY_SERVER__PORT=9000` is `server.port`; `__` nests; a list or mapping is written as JSON. A name that means nothing is
an error, except the variables that Kubernetes sets for a Service called `gateway`, which nobody wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from llm_gateway.config.errors import Path, Problems, Where, Wrong, closest, render
from llm_gateway.config.tree import Node, put

PREFIX = "GATEWAY_"
OWN = frozenset({"GATEWAY_CONFIG", "GATEWAY_URL", "GATEWAY_ADMIN_URL", "GATEWAY_API_KEY"})
"""Variables with this prefix that are no configuration keys: the file's place, and what the client commands use."""

Fill = Callable[[Node, Path], None]

_PATH_HINT = 'write it as server.port, auth.keys[0].name or models["gpt-4.1"]'
_LONGEST_PATH = 16
_KUBERNETES = re.compile(r"GATEWAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_KUBERNETES_LINK = re.compile(r"(tcp|udp|sctp)://")
_SEGMENT = re.compile(r'\.?([\w-]+)|\[([0-9]{1,5})\]|\["([^"]*)"\]')


def overlay_variables(root: Node, environ: Mapping[str, str], known: Mapping[str, Iterable[str]], problems: Problems) -> Node:
    """`root` with every `GATEWAY_*` variable laid over it. `known`: the sections and their fields, for telling typos."""
    for name, path in sorted(_variables(environ, known, problems), key=lambda found: (len(found[1]), found[0])):
        node = Node(environ[name], Where(f"environment variable {name}"), origin=name)
        root = _lay(root, path, node, problems, fold=True)
    return root


def _variables(environ: Mapping[str, str], known: Mapping[str, Iterable[str]], problems: Problems) -> Iterator[tuple[str, Path]]:
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name in OWN:
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        if path[0] in known and all(path) and len(path) <= _LONGEST_PATH:
            yield name, path
        elif len(path) > 1 or not (_KUBERNETES.fullmatch(name) or _KUBERNETES_LINK.match(value)):
            problems.add(Where(f"environment variable {name}"), (), "means no configuration key", _nearest(name, known))


def _nearest(name: str, known: Mapping[str, Iterable[str]]) -> str:
    wanted = name[len(PREFIX) :]
    names = {f"{section}__{key}".upper() for section, keys in known.items() for key in keys} | {s.upper() for s in known}
    for full in sorted(names):
        if full.endswith(f"__{wanted}"):
            return f'did you mean "{PREFIX}{full}"?'
    close = closest(wanted, names)
    return f'did you mean "{PREFIX}{close}"?' if close else ""


def overlay_flags(root: Node, flags: Sequence[str], fill: Fill, problems: Problems) -> Node:
    """`root` with every `path=value` laid over it, in order. A path is written as in error texts: `auth.keys[0].name`.

    `fill` replaces `${...}` in a value, so that a secret need not stand on the command line.
    """
    for flag in flags:
        path, end = _scan(flag)
        if not path or flag[end : end + 1] not in {"", "="}:
            problems.add(Where("--set"), (), "the path cannot be read", _PATH_HINT)
            continue
        name = f"--set {render(path)}"
        if end == len(flag):
            problems.add(Where(name), path, "has no value", "write --set path=value")
            continue
        node = Node(flag[end + 1 :], Where(name), origin=name)
        fill(node, path)
        root = _lay(root, path, node, problems)
    return root


def _scan(text: str) -> tuple[Path, int]:
    """The path that `text` begins with, and where it ends; an empty one if there is none."""
    parts: list[str | int] = []
    end = 0
    while len(parts) < _LONGEST_PATH and (match := _SEGMENT.match(text, end)):
        if match[1] is not None and bool(parts) != match[0].startswith("."):
            break
        parts.append(int(match[2]) if match[2] else match[3] if match[3] is not None else match[1])
        end = match.end()
    return tuple(parts), end


def _lay(root: Node, path: Path, node: Node, problems: Problems, *, fold: bool = False) -> Node:
    try:
        return put(root, path, node, fold=fold)
    except Wrong as wrong:
        problems.add(node.where, path, wrong.message, wrong.suggestion)
        return root

"""What is wrong with a configuration: every problem at once, each with its place, its key and, where there is one, a way out.

No text here repeats a value that could be a secret: callers pass key names and choices only, through `shown`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec

Path = tuple[str | int, ...]
"""A place in the configuration: `("auth", "keys", 0, "name")`."""

MOST = 100
"""Problems listed; more are counted."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_CREDENTIAL = re.compile(r"(?i)(sk|pk|rk|gsk|xai|key|token|bearer|ghp|aiza)[-_ ].{8,}|AIza.{8,}|\S{41,}")
_KEYS_ALIKE = frozenset({"key_variable", "key_required"})
"""Keys of the schema that only look like one."""


class Where(NamedTuple):
    """Where a value was written: a file with line and column (from 1), or a source that has none (line 0)."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong. `str` gives its line of the report."""

    where: Where
    path: str
    """As `--set` takes it: `auth.keys[0].name`; empty for the document itself."""
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        key = f"{self.path}: " if self.path and self.where.source != f"--set {self.path}" else ""
        way_out = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.where}: {key}{self.message}{way_out}"


class ConfigErrors(Exception):
    """The configuration cannot be used. `str` is the whole report, one problem per line."""

    def __init__(self, problems: Iterable[Problem], more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        super().__init__(self.problems, more)

    def as_data(self) -> list[dict[str, Any]]:
        """The same as plain data, for JSON: file, line and column (0: it has none), path, message, suggestion."""
        return [
            {
                "source": problem.where.source,
                "line": problem.where.line,
                "column": problem.where.column,
                "path": problem.path,
                "message": problem.message,
                "suggestion": problem.suggestion,
            }
            for problem in self.problems
        ]

    def __str__(self) -> str:
        count = len(self.problems) + self.more
        lines = [f"{count} {'problem' if count == 1 else 'problems'} in the configuration", *map(str, self.problems)]
        if self.more:
            lines.append(f"... and {self.more} more")
        return "\n".join(lines)


class Wrong(Exception):
    """A value that does not do. `at`: the place inside it, where that is known."""

    at: Where | None = None

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


class Problems:
    """Collects what is found on the way."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._more = 0

    def __len__(self) -> int:
        return len(self._found) + self._more

    def add(self, where: Where, path: Path, message: str, suggestion: str = "") -> None:
        """Note one problem; beyond MOST they are only counted."""
        if len(self._found) < MOST:
            self._found.append(Problem(where, render(path), message, suggestion))
        else:
            self._more += 1

    def raise_if_any(self, but: Collection[Where] = ()) -> None:
        """Raises ConfigErrors with all of them: files first, in the order of their lines, then variables and flags.

        `but`: places where a value stands in for one that is not known; what is wrong with it means nothing.
        """
        found = [problem for problem in self._found if problem.where not in but]
        if found:
            ordered = sorted(found, key=lambda p: (p.where.line == 0, p.where, p.path, p.message))
            raise ConfigErrors(ordered, self._more)


def render(path: Path) -> str:
    """A path as `--set` takes it: names that are not plain words stand in brackets and quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{shown(part)}" if text else shown(part)
        else:
            text += f'["{shown(part)}"]'
    return text


def shown(name: str) -> str:
    """A name as it may stand in a text: what looks like a credential is hidden, what could upset a terminal escaped."""
    if _CREDENTIAL.fullmatch(name) and name not in _KEYS_ALIKE:
        return "***"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def closest(name: str, known: Iterable[str]) -> str | None:
    """What was probably meant, whatever its case; None if nothing known comes near."""
    folded = {one.lower(): one for one in sorted(known)}
    close = difflib.get_close_matches(name[:64].lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name, empty if nothing known comes near."""
    close = closest(name, known)
    return f'did you mean "{shown(close)}"?' if close else ""


def one_of(known: Iterable[str]) -> str:
    """The choices there are, for a suggestion; at most twenty."""
    names = sorted(known)
    return "known here: " + ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") if names else ""

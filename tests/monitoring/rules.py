"""The rule files, read."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deployment" / "monitoring"
RULES = MONITORING / "rules"
FILES = sorted(RULES.glob("*.yml"))


class Rule(NamedTuple):
    """One rule. `name`: of the alert, or of what is recorded."""

    file: str
    group: str
    name: str
    alert: bool
    query: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    hold: str


@functools.cache
def rules() -> tuple[Rule, ...]:
    """All of them, in the order of the files."""
    return tuple(_read(FILES))


def _read(files: Iterable[Path]) -> Iterator[Rule]:
    for file in files:
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                yield Rule(
                    file.name,
                    group["name"],
                    rule.get("alert") or rule["record"],
                    "alert" in rule,
                    rule["expr"],
                    rule.get("labels", {}),
                    rule.get("annotations", {}),
                    rule.get("for", ""),
                )


def alerts() -> list[Rule]:
    return [rule for rule in rules() if rule.alert]


def dashboards() -> ModuleType:
    """scripts/dashboards.py."""
    scripts = str(ROOT / "scripts")
    if scripts not in sys.path:
        sys.path.append(scripts)
    import dashboards  # type: ignore[import-not-found]

    return dashboards  # type: ignore[no-any-return]


def queries() -> Iterator[tuple[str, str, str, Any]]:
    """Of each dashboard panel: where it is, its legend, its query, and the panel."""
    for board in dashboards().BOARDS:
        for row in board.rows:
            for panel in row.panels:
                for legend, query in panel.queries.items():
                    yield f"{board.uid}: {panel.title}", legend, query, panel

"""What a dashboard is made of, and the JSON that Grafana has for it (https://grafana.com/docs/grafana/latest/dashboards/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

WIDTH = 24
"""Of the grid that panels stand on."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
KUBERNETES = "kube-state-metrics and cAdvisor"
REDIS = "Redis (the section `redis`)"
EXPORTER = "redis_exporter"
LEDGER = "the ledger in a database (`ledger`)"
TRACING = "a collector (`telemetry.tracing.endpoint`)"
CONTENT = "a tenant whose content is kept"
HEDGE = "a route with `hedge`"
LOAD = "a provider with `load_every`"
CACHE = "answers that are kept (`cache.enabled`)"
CACHE_REDIS = "answers that are shared (`cache.backend: redis`)"

Thresholds = Sequence[tuple[float | None, str]]


class Panel(NamedTuple):
    """One picture. `queries`: PromQL by legend, where {{label}} is that label's value."""

    title: str
    queries: Mapping[str, str]
    about: str
    """What one sees here, and what to make of it."""
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stack: bool = False
    thresholds: Thresholds = ()
    needs: str = ""
    """What the panel is empty without; "": nothing."""
    values: Mapping[str, tuple[str, str]] | None = None
    """Words and colours for values that are states."""


class Row(NamedTuple):
    """Panels under a heading, placed from left to right."""

    title: str
    panels: Sequence[Panel]


class Board(NamedTuple):
    """One dashboard. `variables`: labels to choose by, and a metric that has them."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]
    variables: Mapping[str, str]


def number(title: str, query: str, about: str, unit: str = "short", **more: Any) -> Panel:
    """A figure of now."""
    return Panel(title, {"": query}, about, unit, "stat", **{"width": 4, "height": 4, **more})


def table(title: str, query: str, about: str, unit: str = "short", **more: Any) -> Panel:
    """One line for each combination of labels, largest first."""
    return Panel(title, {"": query}, about, unit, "table", **more)


def quantiles(metric: str, filters: str, *by: str, of: Sequence[float] = (0.5, 0.95, 0.99)) -> dict[str, str]:
    """By legend, the quantiles of a histogram."""
    kept = ", ".join(("le", *by))
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return {
        f"p{quantile * 100:g} {legend}".strip(): (
            f"histogram_quantile({quantile:g}, sum by ({kept}) (rate({metric}_bucket{{{filters}}}[$__rate_interval])))"
        )
        for quantile in of
    }


def document(board: Board) -> dict[str, Any]:
    """As Grafana reads it: the classic model, which every version from 8 on takes."""
    panels: list[dict[str, Any]] = []
    line = 0
    for row in board.rows:
        panels.append(_heading(row.title, line, len(panels) + 1))
        line += 1
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                line, left, tallest = line + tallest, 0, 0
            panels.append(_panel(panel, left, line, len(panels) + 1))
            left, tallest = left + panel.width, max(tallest, panel.height)
        line += tallest
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": ["llm-gateway"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [_others()],
        "annotations": {"list": [_reloads()]},
        "templating": {"list": [_source(), *(_variable(name, metric) for name, metric in board.variables.items())]},
        "panels": panels,
    }


def _heading(title: str, line: int, number_: int) -> dict[str, Any]:
    place = {"x": 0, "y": line, "w": WIDTH, "h": 1}
    return {"id": number_, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, left: int, line: int, number_: int) -> dict[str, Any]:
    return {
        "id": number_,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about + (f" Empty without {panel.needs}." if panel.needs else ""),
        "datasource": SOURCE,
        "gridPos": {"x": left, "y": line, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel.kind),
        "targets": [_target(panel, place, legend, query) for place, (legend, query) in enumerate(panel.queries.items())],
        **({"transformations": [_tidy()]} if panel.kind == "table" else {}),
    }


def _target(panel: Panel, place: int, legend: str, query: str) -> dict[str, Any]:
    target = {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query, "legendFormat": legend or "__auto"}
    if panel.kind == "heatmap":
        return {**target, "format": "heatmap", "legendFormat": "{{le}}"}
    if panel.kind == "table":
        return {**target, "format": "table", "instant": True}
    return target


def _field(panel: Panel) -> dict[str, Any]:
    steps = [{"value": value, "color": color} for value, color in panel.thresholds or ((None, GREEN),)]
    field: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}, "mappings": []}
    if panel.values:
        words = {value: {"text": text, "color": color} for value, (text, color) in panel.values.items()}
        field["mappings"] = [{"type": "value", "options": words}]
    if panel.kind == "timeseries":
        field["color"] = {"mode": "palette-classic"}
        field["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stack else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.thresholds else "off"},
        }
        field["min"] = 0
    return field


def _options(kind: str) -> dict[str, Any]:
    if kind == "timeseries":
        legend = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["mean", "max", "lastNotNull"]}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
        }
    if kind == "heatmap":
        return {"calculate": False, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Oranges"}, "yAxis": {"unit": "s"}}
    if kind == "state-timeline":
        return {"showValue": "never", "mergeValues": True, "legend": {"showLegend": True, "displayMode": "list"}}
    return {"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]}


def _tidy() -> dict[str, Any]:
    return {"id": "organize", "options": {"excludeByName": {"Time": True, "__name__": True}, "renameByName": {}}}


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus", "current": {}, "hide": 0}


def _variable(name: str, metric: str) -> dict[str, Any]:
    query = f"label_values({metric}, {name})"
    return {
        "name": name,
        "type": "query",
        "label": name.capitalize(),
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _others() -> dict[str, Any]:
    return {"type": "dashboards", "title": "LLM gateway", "tags": ["llm-gateway"], "asDropdown": True, "keepTime": True}


def _reloads() -> dict[str, Any]:
    return {
        "name": "Configuration changed",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": BLUE,
        "expr": "max(changes(gateway_snapshot_number[1m])) > 0",
        "titleFormat": "Configuration changed",
        "step": "60s",
    }

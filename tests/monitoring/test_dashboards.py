"""Dashboards are what their description says, hold together, and are the ones that were asked for."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from monitoring.rules import MONITORING, dashboards

FOLDER = MONITORING / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def read(file: Path) -> dict[str, Any]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])


def test_files_are_up_to_date() -> None:
    """`python scripts/dashboards.py` would change nothing."""
    assert dashboards().stale(FOLDER) == []


def test_stale_files_are_noticed_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check ends with 1 for what was changed, is missing, or is too many; without it they are mended."""
    script = dashboards()
    assert script.main([], tmp_path) == 0
    (tmp_path / "overview.json").write_text("{}")
    (tmp_path / "cost.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert script.main(["--check"], tmp_path) == 1
    assert "cost.json, old.json, overview.json" in capsys.readouterr().out
    assert script.main([], tmp_path) == 0
    assert script.main(["--check"], tmp_path) == 0


def test_all_dashboards_are_there() -> None:
    """Overview, providers, cost and tenants, latency, infrastructure, Redis."""
    assert {file.stem for file in FILES} == {"overview", "providers", "cost", "latency", "infrastructure", "redis"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_holds_together(file: Path) -> None:
    """Ids are single, panels do not overlap, each says what it shows, asks the chosen source, and uses variables that there are."""
    board = read(file)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    known = {variable["name"] for variable in board["templating"]["list"]}
    for panel in panels(board):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
        for target in panel["targets"]:
            assert set(re.findall(r"\$([a-z]+)", target["expr"])) <= known, target["expr"]


def test_provisioning_finds_what_dashboards_need() -> None:
    """The source is of the type that variables choose from, and the folder is the one that Compose mounts."""
    sources = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/llm-gateway.yaml").read_text())["datasources"]
    assert [source["type"] for source in sources if source.get("isDefault")] == ["prometheus"]
    provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/llm-gateway.yaml").read_text())["providers"][0]
    compose = (MONITORING.parent / "docker" / "docker-compose.yaml").read_text()
    assert f"../monitoring/grafana/dashboards:{provider['options']['path']}:ro" in compose

"""deployment/proxies/envoy.yaml by Envoy's own definitions. Envoy itself is not run: Debian has no package of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[2] / "deployment" / "proxies" / "envoy.yaml"


def checked(tool: Callable[[str], str], file: Path) -> str:
    """The first mistake, or nothing."""
    python = Path(tool("check-jsonschema")).with_name("python")  # of the checkers' environment, and no other
    command = [str(python), str(Path(__file__).parent / "check_envoy.py"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


@pytest.mark.deployment
def test_every_field_is_known(tool: Callable[[str], str]) -> None:
    """Names and kinds of all fields, extensions included."""
    assert checked(tool, FILE) == ""


@pytest.mark.deployment
@pytest.mark.parametrize(("old", "new"), [
    ("connect_timeout: 5s", "conect_timeout: 5s"),
    ("stream_idle_timeout: 300s", "stream_idle_timeouts: 300s"),
    ("lb_policy: LEAST_REQUEST", "lb_policy: LEAST_CONN"),
    ("max_request_bytes: 10485760", "max_request_bytes: 10MB"),
])  # fmt: skip
def test_a_mistake_is_noticed(tool: Callable[[str], str], tmp_path: Path, old: str, new: str) -> None:
    """A field or a value that Envoy does not have is found, wherever it stands."""
    text = FILE.read_text()
    assert old in text
    (tmp_path / "envoy.yaml").write_text(text.replace(old, new))
    assert "ParseError" not in checked(tool, tmp_path / "envoy.yaml")
    assert checked(tool, tmp_path / "envoy.yaml") != ""


def manager() -> dict[str, Any]:
    """The HTTP connection manager."""
    listener = yaml.safe_load(FILE.read_text())["static_resources"]["listeners"][0]
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def test_operators_paths_come_first_and_lead_nowhere() -> None:
    """/admin and /metrics are answered before any route leads to a gateway; Envoy's own admin is on the loopback interface."""
    routes = manager()["route_config"]["virtual_hosts"][0]["routes"]
    assert "admin|metrics" in routes[0]["match"]["safe_regex"]["regex"]
    assert routes[0]["direct_response"] == {"status": 404}
    assert yaml.safe_load(FILE.read_text())["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_streams_are_not_cut_and_no_request_is_sent_twice() -> None:
    """No total time on any route that leads to a gateway, and another try only where no connection came about."""
    leading = [route["route"] for route in manager()["route_config"]["virtual_hosts"][0]["routes"] if "route" in route]
    assert leading
    for route in leading:
        assert route["timeout"] == "0s"
        assert route.get("retry_policy", {}).get("retry_on", "connect-failure") == "connect-failure"


def test_what_a_client_claims_is_taken_away() -> None:
    """The headers that the gateway believes from its proxies; X-Forwarded-For is written by Envoy itself."""
    removed = set(manager()["route_config"]["request_headers_to_remove"])
    assert removed == {"forwarded", "x-ssl-client-cert", "x-ssl-client-dn", "x-ssl-client-verify"}
    assert manager()["use_remote_address"] is True

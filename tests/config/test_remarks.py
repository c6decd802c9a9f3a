"""What a configuration may say and is told about."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import TYPES
from llm_gateway.config.load import load_tree
from llm_gateway.config.remarks import remarks

SENT = "telemetry:\n  tracing:\n    endpoint: {url}\n    headers: {{x-key: secret-of-the-collector}}\n"


def said(folder: Path, text: str, **environ: str) -> list[str]:
    """What is told of a file with this text."""
    file = folder / "gateway.yaml"
    file.write_text(text)
    return [str(one).replace(f"{folder}/", "") for one in remarks(load_tree(file, environ=environ, provider_types=TYPES))]


@pytest.mark.parametrize(
    "url", ["http://collector:4318", "http://10.0.0.5:4318", "http://[2001:db8::1]:4318", "http://otel.example"]
)
def test_headers_that_go_over_a_network_in_clear_text_are_told(tmp_path: Path, url: str) -> None:
    """With the place of the headers, and nothing of what they hold."""
    (line,) = said(tmp_path, SENT.format(url=f'"{url}"'))
    assert line.startswith("gateway.yaml:4:14: telemetry.tracing.headers: go to the collector in clear text")
    assert "secret-of" not in line


@pytest.mark.parametrize(
    "text",
    [
        *(
            SENT.format(url=f'"{url}"')
            for url in ("https://otel.example", "http://localhost:4318", "http://127.0.0.9:4318", "http://[::1]:4318")
        ),
        "telemetry: {tracing: {endpoint: 'http://collector:4318'}}\n",
        "telemetry: {tracing: {headers: {x-key: k}}}\n",
        "telemetry: {tracing: {endpoint: 'http://collector:4318', enabled: false, headers: {x-key: k}}}\n",
    ],
)
def test_what_nobody_else_can_read_is_not_told(tmp_path: Path, text: str) -> None:
    """Over TLS, to this machine, without headers, or with nothing that is sent."""
    assert said(tmp_path, text) == []


def test_headers_of_a_variable_are_told_by_its_name(tmp_path: Path) -> None:
    """They stand in no file."""
    text = "telemetry: {tracing: {endpoint: 'http://collector:4318'}}\n"
    (line,) = said(tmp_path, text, GATEWAY_TELEMETRY__TRACING__HEADERS='{"x-key": "k"}')
    assert line.startswith("environment variable GATEWAY_TELEMETRY__TRACING__HEADERS: telemetry.tracing.headers: ")

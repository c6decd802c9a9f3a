"""`llm-gateway hash-key` and `llm-gateway validate`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from click.testing import CliRunner

from llm_gateway.cli.main import main
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.signing import signing_secret
from llm_gateway.worker.pepper import load_pepper


def test_what_is_kept_of_a_key_and_what_its_owner_signs_with(tmp_path: Path) -> None:
    """Both follow from the key and the gateway's own secret; the gateway checks signatures with the very same text."""
    options = ["--json", "hash-key", "--set", f"state.dir={tmp_path}", "--set", "providers.openai.api_key=x", "--key", "sk-x"]
    runner = CliRunner()
    kept = msgspec.json.decode(runner.invoke(main, options).stdout)
    signs = msgspec.json.decode(runner.invoke(main, [*options, "--signing"]).stdout)
    pepper = Pepper(load_pepper(tmp_path))
    assert kept == {"key_hash": pepper.digest(b"sk-x").hex()}
    assert signs == {"signing_secret": signing_secret(pepper, pepper.digest(b"sk-x"))}


def test_a_good_configuration_may_still_be_warned_about(tmp_path: Path) -> None:
    """With the place, for people and for scripts; it is valid all the same."""
    file = tmp_path / "gateway.yaml"
    file.write_text("telemetry:\n  tracing:\n    endpoint: http://collector:4318\n    headers: {x-key: k}\n")
    runner = CliRunner()
    done = runner.invoke(main, ["validate", str(file)])
    assert done.exit_code == 0
    assert f"warning: {file}:4:14: telemetry.tracing.headers: " in done.stdout
    data = msgspec.json.decode(runner.invoke(main, ["--json", "validate", str(file)]).stdout)
    assert data["valid"]
    assert [(one["line"], one["path"]) for one in data["warnings"]] == [(4, "telemetry.tracing.headers")]

"""`llm-gateway hash-key`."""

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

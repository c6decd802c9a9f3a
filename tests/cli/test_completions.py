"""Completions: what PowerShell is given; the other shells' are click's own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("line", "word", "wanted", "unwanted"),
    [
        ("llm-gateway ke", "ke", "keys", "tenants"),
        ("llm-gateway keys ", "", "rotate", "tenants"),
        ("llm-gateway keys create --ki", "--ki", "--kind", "--tenant"),
        ("llm-gateway keys create x --kind ", "", "readonly", "--kind"),
    ],
)
def test_powershell_is_given_words(line, word, wanted, unwanted):
    """A line for each: kind, value, help."""
    environ = {**os.environ, "_LLM_GATEWAY_COMPLETE": "powershell_complete", "COMP_WORDS": line, "COMP_CWORD": word}
    code = "from llm_gateway.cli.main import main; main(prog_name='llm-gateway')"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=30)
    values = [row.split("\t")[1] for row in done.stdout.splitlines()]
    assert wanted in values
    assert unwanted not in values

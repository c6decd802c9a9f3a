"""The Vercel AI SDK (npm), unmodified: OpenAI (both APIs), Anthropic, Google, compatible servers; two dialects at the provider."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from e2e.world import PDF, PNG, World

FOLDER = Path(__file__).parent / "vercel"


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("kind", "model"),
    [("openai", "gpt"), ("responses", "claude"), ("anthropic", "claude"), ("google", "gpt"), ("compatible", "claude")]
    + [
        pytest.param(kind, model, marks=pytest.mark.long)
        for kind, model in (
            ("openai", "claude"),
            ("responses", "gpt"),
            ("anthropic", "gpt"),
            ("google", "claude"),
            ("compatible", "gpt"),
        )
    ],
)
def test_the_ai_sdk(ai_sdk: Path, world: World, kind: str, model: str) -> None:
    """Every case of run.mjs: text, streams, tools in several steps, files, objects, reasoning, errors, broken streams, embeddings."""
    given = {"GATEWAY_URL": world.url, "GATEWAY_KEY": world.key, "TEST_PNG": PNG, "TEST_PDF": PDF}
    clean = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    done = subprocess.run(
        [ai_sdk, "run.mjs", kind, model],
        cwd=FOLDER,
        env=clean | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, str])
    assert len(told) >= 18
    assert {name: said for name, said in told.items() if said != "ok"} == {}

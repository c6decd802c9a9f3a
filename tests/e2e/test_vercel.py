"""The Vercel AI SDK (npm), unmodified: its packages for OpenAI, Anthropic and compatible servers, in both dialects at the provider."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from e2e.world import PDF, PNG, World

FOLDER = Path(__file__).parent / "vercel"


@pytest.fixture(scope="session")
def installed() -> Path:
    """Installs what package-lock.json names into vercel/node_modules, once; skips where that cannot be done."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"node is {version}; the AI SDK wants 20 or later")
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    modules = FOLDER / "node_modules"
    modules.mkdir(exist_ok=True)
    with (FOLDER / "node_modules" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of this test run may be installing
        stamp = modules / ".installed"
        if not (stamp.exists() and stamp.read_text() == wanted):
            staging = modules / ".staging"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(FOLDER / name, staging)
            done = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=staging,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                pytest.skip(f"npm could not install the AI SDK: {done.stderr.strip()[-300:]}")
            for made in (staging / "node_modules").iterdir():
                target = modules / made.name
                shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)
                made.rename(target)
            shutil.rmtree(staging)
            stamp.write_text(wanted)
    return Path(node)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["openai", "anthropic", "compatible"])
@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_the_ai_sdk(installed: Path, world: World, kind: str, model: str) -> None:
    """Every case of run.mjs: text, streams, tools in several steps, files, objects, reasoning, errors, broken streams, embeddings."""
    given = {"GATEWAY_URL": world.url, "GATEWAY_KEY": world.key, "TEST_PNG": PNG, "TEST_PDF": PDF}
    clean = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    done = subprocess.run(
        [installed, "run.mjs", kind, model],
        cwd=FOLDER,
        env=clean | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, str])
    assert len(told) >= 15
    assert {name: said for name, said in told.items() if said != "ok"} == {}

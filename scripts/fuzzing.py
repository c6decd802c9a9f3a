#!/usr/bin/env python3
"""Runs the parsers under atheris (libFuzzer), which follows the branches that bytes take.

    python scripts/fuzzing.py                      every target for 20 seconds
    python scripts/fuzzing.py -t 600 gemini        those whose name holds "gemini", ten minutes each

Needs atheris beside the requirements to run, on Linux with CPython 3.11 to 3.13; `make fuzz` installs both into build/fuzzer.
What it finds is kept below build/fuzz/: a file `crash-...` holds the bytes; they belong into a test beside the module that failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 5  # seconds one input may take
MEGABYTES = 1024  # of memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of targets' names; none: all")
    parser.add_argument("-t", "--time", type=int, default=20, help="seconds for each target")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="only say which targets there are")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    if options.one:
        return fuzz(options.one, options.time)
    from fuzz.targets import targets  # noqa: PLC0415 - where instrumented, it is imported in another process

    chosen = [t.name for t in targets() if not options.names or any(part in t.name for part in options.names)]
    if options.list:
        print("\n".join(chosen))
        return 0
    words = [sys.executable, __file__, "-t", str(options.time), "--one"]
    failed = [name for name in chosen if subprocess.run([*words, name], check=False).returncode]
    print(f"{len(chosen)} targets, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> int:
    """One target, in this process, which libFuzzer ends."""
    import atheris  # noqa: PLC0415 - not a requirement of anything else

    with atheris.instrument_imports(include=["llm_gateway"]):
        from fuzz.targets import targets  # noqa: PLC0415

    target = next(target for target in targets() if target.name == name)
    folder = ROOT / "build" / "fuzz" / name.replace("/", "-")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-timeout={LONGEST}", f"-rss_limit_mb={MEGABYTES}", "-max_len=65536"]
    atheris.Setup([name, str(corpus), f"-artifact_prefix={folder}/", "-verbosity=0", *limits], target.run)
    print(f"{name}: {seconds} s", flush=True)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())

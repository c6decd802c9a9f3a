"""kubectl and docker for tests: write down how they were called, and answer what the test says.

In FAKE_FOLDER: `calls` (one line for each call, what came with --filename behind it), and `answers.json`: a list of
[pattern, status, output], the first whose pattern is found in the call counts; with a fourth entry it counts that often only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Answer one call."""
    folder, name = Path(os.environ["FAKE_FOLDER"]), Path(sys.argv[0]).name
    arguments = [one for one in sys.argv[1:] if not one.startswith("--namespace")]
    if "--namespace" in sys.argv:
        arguments.remove(sys.argv[sys.argv.index("--namespace") + 1])
    call = " ".join([name, *arguments])
    if name == "kubectl" and arguments[0] == "kustomize" and "FAKE_RENDERED" not in os.environ:
        return subprocess.call([os.environ["REAL_KUBECTL"], *sys.argv[1:]])
    with (folder / "calls").open("a") as file:
        file.write(re.sub(r"\S*/tmp\.\w+/", "", call) + "\n")
    if "--filename" in arguments:
        document = Path(arguments[arguments.index("--filename") + 1]).read_text()
        (folder / f"applied-{len(list(folder.glob('applied-*')))}").write_text(document)
    if "port-forward" in arguments:
        time.sleep(30)
    answers = json.loads((folder / "answers.json").read_text())
    for place, (pattern, status, output, *left) in enumerate(answers):
        if not re.search(pattern, call) or left == [0]:
            continue
        if left:
            answers[place][3] -= 1
            (folder / "answers.json").write_text(json.dumps(answers))
        print(output, end="")
        if status:
            print("the server says no", file=sys.stderr)
        return int(status)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

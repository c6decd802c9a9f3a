"""kubectl and docker for tests: write down how they were called, and answer what the test says.

In FAKE_FOLDER: `calls` (one line for each call, what came with --filename behind it), and `answers.json`: a list of
[pattern, status, output], the first whose pattern is found in the call counts; with a fourth entry it counts that often only.
A port-forward to a port that kubectl chooses (":9090") gives its output to whoever asks there for /metrics; until it is ended, which
it writes into `calls`, too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
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
        signal.signal(signal.SIGTERM, lambda *_: _ended(folder))
        if ":9090" not in arguments:
            time.sleep(30)
    answers = json.loads((folder / "answers.json").read_text())
    for place, (pattern, status, output, *left) in enumerate(answers):
        if not re.search(pattern, call) or left == [0]:
            continue
        if left:
            answers[place][3] -= 1
            (folder / "answers.json").write_text(json.dumps(answers))
        if "port-forward" in arguments and not status:
            _forward(output.encode())
        print(output, end="")
        if status:
            print("the server says no", file=sys.stderr)
        return int(status)
    return 0


def _ended(folder: Path) -> None:
    with (folder / "calls").open("a") as file:
        file.write("the port-forward was ended\n")
    raise SystemExit(143)


def _forward(metrics: bytes) -> None:
    class Pod(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(metrics)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Pod)
    print(f"Forwarding from 127.0.0.1:{server.server_port} -> 9090", flush=True)
    signal.alarm(60)  # whoever forgets it
    server.serve_forever()


if __name__ == "__main__":
    raise SystemExit(main())

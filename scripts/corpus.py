#!/usr/bin/env python3
"""Sends recorded provider exchanges through a real gateway, unchanged and translated, and has a judge look at the answers.

    python scripts/corpus.py --recordings DIR [--gateway .venv/bin/llm-gateway] [--only chat,messages] [--show 20]

DIR holds index.jsonl, the exchanges, replay_server.py (plays the provider) and judge.py (official SDK models and stream
grammars). Recordings are not part of this project; any corpus in that form will do. What is checked:

  same dialect    request bytes at the provider are the caller's but for the model; answer bytes are the provider's, for a
                  stream up to and with its terminal marker
  translated      a caller of the other dialect gets an answer that the judge accepts
  requests        a recorded request, sent to a provider of the other dialect, gets an answer or a 400 that says why: never a 5xx
"""

from __future__ import annotations

import argparse
import base64
import collections
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

KEY = "sk-gateway-corpus-0123456789"
CHAT, MESSAGES = "chat", "messages"
PATHS = {
    CHAT: "/v1/chat/completions",
    MESSAGES: "/v1/messages",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
    "messages_count_tokens": "/v1/messages/count_tokens",
}
SMALL = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--gateway", default=".venv/bin/llm-gateway")
    parser.add_argument("--only", help="kinds, comma separated: " + ", ".join(PATHS))
    parser.add_argument("--show", type=int, default=15, help="how many failures to print")
    args = parser.parse_args()
    kinds = set(args.only.split(",")) if args.only else set(PATHS)
    rows = [json.loads(line) for line in (args.recordings / "index.jsonl").open()]
    rows = [
        row
        for row in rows
        if row["kind"] in kinds and row["fidelity"] not in ("attested", "hand-written", "sdk-object", "body-only")
    ]
    spec = importlib.util.spec_from_file_location("judge", args.recordings / "judge.py")
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    with tempfile.TemporaryDirectory() as folder:
        replay_port, gateway_port = free_port(), free_port()
        config = Path(folder) / "gateway.json"
        config.write_text(json.dumps(configuration(rows, replay_port, gateway_port, folder)))
        replay = subprocess.Popen(
            [sys.executable, str(args.recordings / "replay_server.py"), "--port", str(replay_port)], stdout=subprocess.DEVNULL
        )
        gateway = subprocess.Popen([args.gateway, "serve", "--config", str(config)], stdout=subprocess.DEVNULL)
        try:
            wait(replay_port)
            wait(gateway_port)
            return run(args, rows, judge.judge, gateway_port, replay_port)
        finally:
            for process in (gateway, replay):
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def configuration(rows: list[dict[str, Any]], replay_port: int, port: int, folder: str) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    for row in rows:
        kind = "anthropic" if row["kind"].startswith("messages") else "openai_compatible"
        providers[name(row)] = {
            "type": kind,
            "base_url": f"http://127.0.0.1:{replay_port}/x/{row['id']}/v1",
            "api_key": "sk-upstream",
            "models": ["m"],
        }
    providers["sim-openai"] = {"type": "simulator", "speaks": "openai", "models": ["m"]}
    providers["sim-anthropic"] = {"type": "simulator", "speaks": "anthropic", "models": ["m"]}
    return {
        "server": {"port": port, "limits": {"body": "64MB"}},
        "network": {"proxy": "none"},
        "providers": providers,
        "models": {provider: {"deployments": [f"{provider}/m"], "retries": 0} for provider in providers},
        "auth": {"keys": [{"name": "corpus", "key": KEY}]},
        "logging": {"access": "off"},
        "state": {"dir": f"{folder}/state"},
    }


def name(row: dict[str, Any]) -> str:
    return row["id"][:64]


def run(args: argparse.Namespace, rows: list[dict[str, Any]], judge: Any, port: int, replay_port: int) -> int:
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    failures: list[str] = []
    for row in rows:
        exchange = json.loads((args.recordings / row["file"]).read_text())
        for check in (same_dialect, translated, foreign_request):
            try:
                verdict = check(row, exchange, judge, port, replay_port)
            except Exception as error:  # noqa: BLE001 - a crash here is a finding too
                verdict = [f"{type(error).__name__}: {error}"]
            if verdict is None:
                continue
            counts[check.__name__, "ok" if not verdict else "failed"] += 1
            if verdict:
                failures.append(
                    f"{check.__name__:15s} {row['id']} {row['kind']} stream={row['streaming']} {row['status']}: {'; '.join(verdict)[:400]}"
                )
    for failure in failures[: args.show]:
        print(failure)
    for (check, outcome), count in sorted(counts.items()):
        print(f"{check:15s} {outcome:7s} {count}")
    return 1 if failures else 0


def same_dialect(row: dict[str, Any], exchange: dict[str, Any], _judge: Any, port: int, replay_port: int) -> list[str] | None:
    """None: not applicable."""
    given = request_document(exchange)
    if given is None:
        return None
    given["model"] = name(row)
    if row["streaming"]:
        given["stream"] = True
    sent = json.dumps(given, ensure_ascii=False).encode()
    call("POST", replay_port, "/__replay/reset", b"")
    status, body = call("POST", port, PATHS[row["kind"]], sent)
    if status == 400 and row["status"] >= 400:
        return []
    log = json.loads(call("GET", replay_port, "/__replay/log", b"")[1])
    problems = []
    if not log:
        return [f"nothing reached the provider: {status} {body[:200]!r}"]
    if (
        log[-1]["body_len"] < 20000
        and log[-1]["body"].encode() != json.dumps(given | {"model": "m"}, ensure_ascii=False).encode()
    ):
        problems.append("request bytes differ")
    recorded = body_of(exchange)
    if row["status"] >= 300:
        return problems if status >= 400 else [*problems, f"an error became {status}"]
    if row["streaming"]:
        recorded = up_to_terminal(recorded, row["kind"])
    if body != recorded:
        at = next((i for i, (a, b) in enumerate(zip(body, recorded, strict=False)) if a != b), min(len(body), len(recorded)))
        problems.append(
            f"answer bytes differ at {at} of {len(recorded)}: got {body[max(0, at - 40) : at + 80]!r}, recorded {recorded[max(0, at - 40) : at + 80]!r}"
        )
    return problems


def translated(row: dict[str, Any], _exchange: dict[str, Any], judge: Any, port: int, _replay_port: int) -> list[str] | None:
    if row["kind"] not in (CHAT, MESSAGES) or row["status"] >= 300:
        return None
    front, path, kind = (
        ("anthropic", "/v1/messages", MESSAGES) if row["kind"] == CHAT else ("openai", "/v1/chat/completions", CHAT)
    )
    document = SMALL | {"model": name(row), "stream": row["streaming"]}
    if front == "openai" and row["streaming"]:
        document["stream_options"] = {"include_usage": True}
    status, body = call("POST", port, path, json.dumps(document).encode())
    if status != 200:
        return [f"{status} {body[:300]!r}"]
    return judge(front, kind, row["streaming"], status, {}, body)


def foreign_request(row: dict[str, Any], exchange: dict[str, Any], judge: Any, port: int, _replay_port: int) -> list[str] | None:
    given = request_document(exchange) if row["kind"] in (CHAT, MESSAGES) else None
    if given is None:
        return None
    given["model"] = "sim-anthropic" if row["kind"] == CHAT else "sim-openai"
    status, body = call("POST", port, PATHS[row["kind"]], json.dumps(given).encode())
    front = "openai" if row["kind"] == CHAT else "anthropic"
    if status >= 500 or (status >= 400 and row["status"] < 300 and b"simulator" in body):
        return [f"{status} {body[:300]!r}"]
    return judge(front, row["kind"], bool(given.get("stream")) and status == 200, status, {}, body)


def request_document(exchange: dict[str, Any]) -> dict[str, Any] | None:
    body = exchange["request"].get("body")
    try:
        document = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return None
    return dict(document) if isinstance(document, dict) and "model" in document else None


def body_of(exchange: dict[str, Any]) -> bytes:
    response = exchange["response"]
    if "body_base64" in response:
        return base64.b64decode(response["body_base64"])
    return response.get("body", "").encode("utf-8", "surrogateescape")


def up_to_terminal(stream: bytes, kind: str) -> bytes:
    marker = b"event: message_stop\n" if kind == MESSAGES else b"data: [DONE]\n\n"
    at = stream.find(marker)
    if at < 0:
        return stream
    return stream[: stream.find(b"\n\n", at) + 2]


def call(method: str, port: int, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "anthropic-version": "2023-06-01"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port}")


if __name__ == "__main__":
    os.environ.pop("HTTP_PROXY", None)
    sys.exit(main())

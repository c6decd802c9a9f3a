"""What asks: wrk as fast as it can, rate.c at a steady pace, connections that do nothing, and the very first request."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import time
from pathlib import Path

from cases import CASES, GATEWAY, Case
from rig import LOAD_CPU, Rig, rss_kb, serve


def body_of(case: Case) -> bytes:
    text = 'He said "yes", wrote C:\\temp\\new.txt, and went to the café with Zoë for lunch; then the fox jumped over the dog.\n'
    system = "Answer briefly, and say where you know it from."
    messages: list[dict[str, str]] = []
    document: dict[str, object] = {"model": case.model, "messages": messages, "temperature": 0.7, "max_tokens": 256}
    if case.path == "/v1/messages":
        document |= {"system": system, "stream": case.stream}
        messages.append({"role": "user", "content": "Begin."})
    else:
        document["user"] = "user-42"
        messages.append({"role": "system", "content": system})
        if case.stream:
            document |= {"stream": True, "stream_options": {"include_usage": True}}
    while len(json.dumps(document)) < case.size:
        messages.append(
            {"role": "assistant" if len(messages) % 2 == 0 else "user", "content": text * (1 if case.size < 5000 else 20)}
        )
    if messages[-1]["role"] == "assistant":
        messages.pop()
    return json.dumps(document, ensure_ascii=False).encode()


def headers_of(case: Case = CASES[0]) -> dict[str, str]:
    return {"Authorization": f"Bearer {case.key}", "Content-Type": "application/json", "User-Agent": "OpenAI/Python 3.0"}


def wrk(rig: Rig, port: int, path: str, case: Case, seconds: int) -> tuple[int, float, int]:
    """Requests done, requests per second, answers that were not 2xx."""
    (rig.dir / "body").write_bytes(body_of(case))
    lua = f'wrk.method = "POST"\nlocal f = io.open("{rig.dir}/body", "rb")\nwrk.body = f:read("*a")\nf:close()\n'
    for name, value in headers_of(case).items():
        lua += f'wrk.headers["{name}"] = "{value}"\n'
    lua += "done = function(s, l, r) io.write(string.format('RESULT %d %d %d', s.requests, s.duration, s.errors.status + s.errors.read + s.errors.timeout)) end\n"
    (rig.dir / "load.lua").write_text(lua)
    command = [
        "taskset",
        "-c",
        LOAD_CPU,
        "wrk",
        "-t1",
        f"-c{case.connections}",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-s",
        str(rig.dir / "load.lua"),
    ]
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    count, micros, bad = (int(word) for word in out.rpartition("RESULT ")[2].split()[:3])
    return count, count / (micros / 1e6), bad


def steady(rig: Rig, port: int, path: str, seconds: int) -> dict[str, float]:
    """Latency at 200 requests a second, in microseconds."""
    payload = body_of(CASES[0])
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers_of().items())
    request = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {len(payload)}\r\n\r\n".encode() + payload
    (rig.dir / "request").write_bytes(request)
    command = ["taskset", "-c", LOAD_CPU, str(rig.dir / "rate"), str(port), "200", str(seconds), str(rig.dir / "request")]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def idle(pid: int, count: int) -> float:
    """KB of the gateway per idle connection that has had one answer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    before, held = rss_kb(pid), []
    payload = body_of(CASES[0])
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers_of().items())
    request = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {len(payload)}\r\n\r\n".encode() + payload
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", GATEWAY))
        connection.sendall(request)
        if b" 200 " not in connection.recv(65536)[:16]:
            raise SystemExit("an idle connection was refused")
        held.append(connection)
    time.sleep(1)
    used = (rss_kb(pid) - before) / count
    for connection in held:
        connection.close()
    return used


def first_answer(rig: Rig, config: Path) -> float:
    """Seconds from starting the process to its first answer."""
    started = time.monotonic()
    payload = body_of(CASES[0])
    serve(rig, GATEWAY, config)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers_of().items())
    with socket.create_connection(("127.0.0.1", GATEWAY)) as connection:
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {len(payload)}\r\n\r\n".encode() + payload
        )
        if b" 200 " not in connection.recv(65536)[:16]:
            raise SystemExit("the first answer was refused")
    return time.monotonic() - started

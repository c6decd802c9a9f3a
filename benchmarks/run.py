#!/usr/bin/env python3
"""What the gateway costs beside nginx, in one run on one machine: CPU per request, memory, start.

    make bench                       all cases; prints a table and writes benchmarks/RESULTS.md
    python benchmarks/run.py --quick --only whole,paced     a look, nothing written

CPU microseconds per request (all threads and child processes, from /proc) are the figure to trust: throughput and latency on a
shared machine are noise. Every figure is a median of interleaved rounds and a ratio to nginx proxy_pass under the same load.
Needs Linux, wrk, nginx, gcc and openssl. Load goes to 127.0.0.1 only and is bounded in time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import CASES, CONFIG, COUNTING, GATEWAY, PROXY, REDIS, SHARING, TLS, UP, Case
from report import write_results

HERE = Path(__file__).resolve().parent
GATEWAY_CPU, LOAD_CPU = "1", "0"


NGINX = """worker_processes 1; daemon off; pid {dir}/{name}.pid; error_log {dir}/{name}.err;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 3600s; client_body_buffer_size 256k; client_max_body_size 20m;
client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
{body} }}"""


def nginx_proxy(cert: Path) -> str:
    servers = {"whole": UP, "burst": UP + 1, "paced": UP + 2, "message": UP + 3, "tls": TLS}
    blocks = "".join(
        f"upstream {n} {{ server 127.0.0.1:{p}; keepalive 1024; keepalive_requests 100000000; }}\n" for n, p in servers.items()
    )
    common = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk-upstream"; proxy_buffering off;'
    verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {cert}; proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_session_reuse on; proxy_ssl_protocols TLSv1.3;"
    locations = "".join(
        f"location /{n}/ {{ {common} {verify if n == 'tls' else ''} proxy_pass {'https' if n == 'tls' else 'http'}://{n}; }}\n"
        for n in servers
    )
    return f"{blocks} server {{ listen 127.0.0.1:{PROXY} reuseport; {locations} }}"


class Rig:
    """Everything that runs beside the load, ended by pid."""

    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, port: int, cpu: str, *command: str) -> int:
        log = (self.dir / f"{name}.log").open("wb")
        self.running[name] = subprocess.Popen(["taskset", "-c", cpu, *command], stdout=log, stderr=log)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return self.running[name].pid
            time.sleep(0.005)
        raise SystemExit(f"{name} does not listen on 127.0.0.1:{port}: {(self.dir / f'{name}.log').read_text()[-2000:]}")

    def nginx(self, name: str, port: int, cpu: str, body: str) -> int:
        conf = self.dir / f"{name}.conf"
        conf.write_text(NGINX.format(dir=self.dir, name=name, body=body))
        return self.start(name, port, cpu, shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(conf))

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_us(pid: int) -> float:
    total = 0
    for process in tree(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def rss_kb(pid: int) -> int:
    """Of one process: what the others share with it would be counted twice."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def processes(rig: Rig, name: str = "gateway") -> tuple[int, int]:
    """The worker, which serves, and control, which ships the ledger: the gateway announces its processes."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        said = (rig.dir / f"{name}.log").read_text()
        if "\n}\n" in said:
            pids = json.loads(said[said.index("{\n") : said.index("\n}\n") + 3])["pids"]
            return pids["workers"][0], pids["control"]
        time.sleep(0.01)
    raise SystemExit("the gateway did not announce itself")


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


def headers_of(case: Case = CASES[0]) -> dict[str, str]:
    return {"Authorization": f"Bearer {case.key}", "Content-Type": "application/json", "User-Agent": "OpenAI/Python 3.0"}


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


def serve(rig: Rig, name: str, port: int, config: Path) -> None:
    rig.start(name, port, GATEWAY_CPU, sys.executable, "-m", "llm_gateway", "--json", "serve", "--config", str(config))


def first_answer(rig: Rig, config: Path) -> float:
    """Seconds from starting the process to its first answer."""
    started = time.monotonic()
    payload = body_of(CASES[0])
    serve(rig, "gateway", GATEWAY, config)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers_of().items())
    with socket.create_connection(("127.0.0.1", GATEWAY)) as connection:
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {len(payload)}\r\n\r\n".encode() + payload
        )
        if b" 200 " not in connection.recv(65536)[:16]:
            raise SystemExit("the first answer was refused")
    return time.monotonic() - started


def prepare(rig: Rig) -> Path:
    for name in ("upstream", "rate"):
        subprocess.run(["gcc", "-O2", "-w", "-o", str(rig.dir / name), str(HERE / f"{name}.c")], check=True)
    cert, key = rig.dir / "cert.pem", rig.dir / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    rig.start("upstream", UP, LOAD_CPU, str(rig.dir / "upstream"), str(UP))
    with socket.create_connection(("127.0.0.1", UP)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        reply = connection.recv(65536).partition(b"\r\n\r\n")[2].decode()
    origin = f"server {{ listen 127.0.0.1:{TLS} ssl reuseport; ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; "
    rig.nginx("tls", TLS, LOAD_CPU, origin + f"location / {{ default_type application/json; return 200 '{reply}'; }} }}")
    rig.nginx("proxy", PROXY, GATEWAY_CPU, nginx_proxy(cert))
    return configured(rig, cert, "gateway", GATEWAY)


def configured(rig: Rig, cert: Path, name: str, port: int, more: str = "") -> Path:
    values = {
        "PORT": str(port),
        "CERT": str(cert),
        "LOG": str(rig.dir / f"{name}.access"),
        "STATE": str(rig.dir / f"{name}.state"),
    }
    text = CONFIG + more
    for word, value in values.items():
        text = text.replace(word, value)
    config = rig.dir / f"{name}.yaml"
    config.write_text(text)
    return config


def sharing(rig: Rig) -> None:
    """A second gateway, which counts in Redis."""
    redis = shutil.which("redis-server") or "redis-server"
    rig.start("redis", REDIS, LOAD_CPU, redis, "--port", str(REDIS), "--save", "", "--dir", str(rig.dir))
    serve(rig, "sharing", SHARING, configured(rig, rig.dir / "cert.pem", "sharing", SHARING, COUNTING))


def measure(rig: Rig, case: Case, rounds: int, seconds: int) -> dict[str, float]:
    """Medians for nginx and for us, interleaved."""
    samples: dict[str, list[tuple[float, float, int]]] = {"nginx": [], "gateway": []}
    targets = (("nginx", PROXY, case.prefix + case.path), ("gateway", case.port, case.path))
    worker, control = processes(rig, "gateway" if case.port == GATEWAY else "sharing")
    shipping: list[float] = []
    for round_ in range(rounds + 1):
        for name, port, path in targets:
            pid = rig.running["proxy"].pid if name == "nginx" else worker
            before, before_control = cpu_us(pid), cpu_us(control)
            count, rate, bad = wrk(rig, port, path, case, seconds if round_ else 1)
            if bad:
                raise SystemExit(f"{case.name}: {bad} of {count} answers of {name} were errors; nothing was measured")
            if round_:
                samples[name].append(((cpu_us(pid) - before) / max(count, 1) / case.events, rate, bad))
                if name == "gateway":
                    shipping.append((cpu_us(control) - before_control) / max(count, 1))
    median = {name: statistics.median(sample[0] for sample in rows) for name, rows in samples.items()}
    spread = sorted(row[0] / median["nginx"] for row in samples["gateway"])
    return {
        "nginx_us": median["nginx"],
        "gateway_us": median["gateway"],
        "ratio": median["gateway"] / median["nginx"],
        "low": spread[0],
        "high": spread[-1],
        "control_us": statistics.median(shipping),
        "rate": statistics.median(row[1] for row in samples["gateway"]),
        "errors": sum(row[2] for rows in samples.values() for row in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="cases, comma separated: " + ", ".join(case.name for case in CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections to hold; 0: none")
    parser.add_argument("--quick", action="store_true", help="one short round, no memory, nothing written")
    args = parser.parse_args()
    missing = [tool for tool in ("wrk", "gcc", "openssl", "taskset") if not shutil.which(tool)]
    if missing or (os.cpu_count() or 1) < 2:
        print(
            f"make bench needs two cores and these tools (Debian: wrk nginx-light gcc openssl util-linux); missing: {', '.join(missing) or 'a core'}"
        )
        return 1
    wanted = [case for case in CASES if not args.only or case.name in args.only.split(",")]
    rounds, seconds = (1, 2) if args.quick else (args.rounds, args.seconds)
    rig = Rig()
    try:
        config = prepare(rig)
        facts: dict[str, float] = {"start_s": first_answer(rig, config)}
        pid, control = processes(rig)
        facts["rest_mb"] = rss_kb(pid) / 1024
        facts["control_mb"] = rss_kb(control) / 1024
        if any(case.port == SHARING for case in wanted):
            sharing(rig)
        rows = []
        for case in wanted:
            row = measure(rig, case, rounds, seconds)
            rows.append((case, row))
            met = "met" if row["ratio"] <= case.goal else "NOT MET"
            print(
                f"{case.title:58s} nginx {row['nginx_us']:6.1f}  gateway {row['gateway_us']:6.1f} us  {row['ratio']:.2f}x"
                f"  (goal {case.goal}x, {met})  control {row['control_us']:.0f} us  {row['rate']:.0f}/s  errors {row['errors']:.0f}",
                flush=True,
            )
        here, there = (
            steady(rig, GATEWAY, "/v1/chat/completions", seconds),
            steady(rig, PROXY, "/whole/v1/chat/completions", seconds),
        )
        direct = steady(rig, UP, "/v1/chat/completions", seconds)
        facts |= {
            "p50_us": here["p50"],
            "p99_us": here["p99"],
            "nginx_p50_us": there["p50"],
            "nginx_p99_us": there["p99"],
            "direct_p50_us": direct["p50"],
        }
        if args.idle and not args.quick:
            facts["idle_kb"] = idle(pid, args.idle)
            facts["idle_count"] = args.idle
        facts["loaded_mb"] = rss_kb(pid) / 1024
        print(json.dumps({key: round(value, 2) for key, value in facts.items()}))
        if not args.quick and not args.only:
            write_results(HERE / "RESULTS.md", datetime.date.today(), platform.python_version(), rows, facts, rounds, seconds)
    finally:
        rig.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What runs while the gateway is measured: nginx, the provider, a collector of traces, Redis, and gateways. All end with the rig."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import (
    CACHING,
    COLLECTOR,
    CONFIG,
    COUNTING,
    ENGINE,
    GATEWAY,
    KEEPING,
    OBSERVING,
    PROXY,
    REDIS,
    SHARING,
    TLS,
    TRACING,
    UP,
)

HERE = Path(__file__).resolve().parent
GATEWAY_CPU, LOAD_CPU = "1", "0"
NAMES = {GATEWAY: "gateway", SHARING: "sharing", OBSERVING: "observing", ENGINE: "engine", KEEPING: "keeping"}
"""Gateways by port."""

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


def cpu_us(pid: int | None) -> float:
    """Of the process and all below it, until now. None: there is none."""
    total = 0
    if pid is None:
        return 0
    for process in tree(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def rss_kb(pid: int | None) -> int:
    """Of one process: what the others share with it would be counted twice."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def processes(rig: Rig, port: int = GATEWAY) -> tuple[int, int | None]:
    """The worker, which serves, and control, which ships the ledger: the gateway announces its processes."""
    end, name = time.monotonic() + 20, NAMES[port]
    while time.monotonic() < end:
        said = (rig.dir / f"{name}.log").read_text()
        if "\n}\n" in said:
            pids = json.loads(said[said.index("{\n") : said.index("\n}\n") + 3])["pids"]
            return pids["workers"][0], pids["control"]
        time.sleep(0.01)
    raise SystemExit("the gateway did not announce itself")


def serve(rig: Rig, port: int, config: Path) -> None:
    rig.start(NAMES[port], port, GATEWAY_CPU, sys.executable, "-m", "llm_gateway", "--json", "serve", "--config", str(config))


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
    return configured(rig, GATEWAY)


def configured(rig: Rig, port: int, more: str = "") -> Path:
    name = NAMES[port]
    values = {
        "PORT": str(port),
        "CERT": str(rig.dir / "cert.pem"),
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
    serve(rig, SHARING, configured(rig, SHARING, COUNTING))


def observing(rig: Rig) -> None:
    """A third one, which traces one request in a hundred, and the collector that takes them."""
    rig.start("collector", COLLECTOR, LOAD_CPU, sys.executable, str(HERE / "collector.py"), str(COLLECTOR))
    serve(rig, OBSERVING, configured(rig, OBSERVING, TRACING))


def keeping(rig: Rig) -> None:
    """One that answers what it was asked before by itself."""
    serve(rig, KEEPING, configured(rig, KEEPING, CACHING))


def engine(rig: Rig) -> None:
    """What every gateway on this engine costs at least."""
    rig.start(NAMES[ENGINE], ENGINE, GATEWAY_CPU, sys.executable, str(HERE / "engine.py"), str(ENGINE), str(UP))


def traced(rig: Rig) -> int:
    """Batches of traces that the collector took; waits for the first one."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        taken = (rig.dir / "collector.log").read_text().count("\n")
        if taken:
            return taken
        time.sleep(0.1)
    return 0

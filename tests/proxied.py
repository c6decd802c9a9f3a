"""nginx or HAProxy as deployment/proxies configures them, for a while, in front of a gateway that runs."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import trustme

from servers import binary, free_port

PROXIES = Path(__file__).parents[1] / "deployment" / "proxies"
CLIENT = "127.0.0.5"
"""Where the tests call from. The proxy calls the gateway from 127.0.0.1, which alone is trusted."""


_BEHIND = {"nginx": " default_server", "haproxy": "\n"}
"""What stands after port 80, so that 8080 is not meant."""


class Proxy(NamedTuple):
    """A proxy that runs."""

    https: int
    http: int
    context: ssl.SSLContext

    def connect(self) -> http.client.HTTPSConnection:
        """A connection of its own, from CLIENT."""
        return http.client.HTTPSConnection("localhost", self.https, context=self.context, source_address=(CLIENT, 0), timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, and its whole answer."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()


class Answer(NamedTuple):
    """Headers by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def running_proxy(
    name: str, gateway: int, folder: Path, changes: Mapping[str, str] | None = None, status: int = 200
) -> Iterator[Proxy]:
    """`name`: nginx or haproxy. Its file with this machine's ports in it; the second gateway of the file is the one at port
    `gateway`, the first one is away. `changes`: further text -> other text; each must be there. `status`: what it answers
    for /health/live when it is ready.
    """
    program = binary(name, f"usr/sbin/{name}")
    authority = trustme.CA()
    _write_certificate(authority.issue_cert("localhost", "127.0.0.1"), folder)
    https, http_port = free_port(), free_port()
    file = _nginx(folder) if name == "nginx" else _haproxy()
    listen = "listen {}" if name == "nginx" else "bind :{}"
    address = "listen 127.0.0.1:{}" if name == "nginx" else "bind 127.0.0.1:{}"
    replaced = {
        listen.format("443"): address.format(https),
        f"{listen.format('80')}{_BEHIND[name]}": f"{address.format(http_port)}{_BEHIND[name]}",
        "10.0.0.11:8080": f"127.0.0.1:{free_port()}",
        "10.0.0.12:8080": f"127.0.0.1:{gateway}",
        f"/etc/{name}/tls/": f"{folder}/",
    }
    for old, new in {**replaced, **(changes or {})}.items():
        assert old in file, old
        file = file.replace(old, new)
    path = folder / f"{name}.conf"
    path.write_text(file)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    command = [program, "-c", str(path), "-g", "daemon off;"] if name == "nginx" else [program, "-db", "-f", str(path)]
    with (folder / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
    try:
        proxy = Proxy(https, http_port, context)
        _until_it_answers(proxy, process, folder / f"{name}.out", status)
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


def _write_certificate(leaf: trustme.LeafCert, folder: Path) -> None:
    """As nginx wants it in two files, and as HAProxy wants it in one folder where only such files are."""
    chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
    (folder / "fullchain.pem").write_bytes(chain)
    (folder / "privkey.pem").write_bytes(leaf.private_key_pem.bytes())
    (folder / "both").mkdir(exist_ok=True)
    (folder / "both" / "both.pem").write_bytes(chain + leaf.private_key_pem.bytes())


def _nginx(folder: Path) -> str:
    """Its files where the test may write; IPv6 is left out, for not every machine has it."""
    text = (PROXIES / "nginx.conf").read_text()
    text = "".join(line for line in text.splitlines(keepends=True) if "listen [::]" not in line)
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        text.replace("/var/log/nginx/", f"{folder}/")
        .replace("/run/nginx.pid", f"{folder}/nginx.pid")
        .replace("worker_processes auto", "worker_processes 1")
        .replace("worker_rlimit_nofile 65536;", "")
        .replace("worker_connections 16384", "worker_connections 512")
        .replace("http {\n", "http {\n" + temporary, 1)
    )


def _haproxy() -> str:
    text = (PROXIES / "haproxy.cfg").read_text()
    return text.replace("maxconn 20000", "maxconn 200").replace("/etc/haproxy/tls/", "/etc/haproxy/tls/both/")


def _until_it_answers(proxy: Proxy, process: subprocess.Popen[bytes], out: Path, status: int) -> None:
    """HAProxy answers 503 until its first health check found the gateway."""
    end = time.monotonic() + 25
    while time.monotonic() < end:
        assert process.poll() is None, out.read_text()
        with contextlib.suppress(OSError, http.client.HTTPException):
            if proxy.ask("GET", "/health/live").status == status:
                return
        time.sleep(0.05)
    raise AssertionError(f"no answer: {out.read_text()}")

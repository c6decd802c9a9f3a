"""The steps of deployment/docker's Dockerfiles, done without a container engine: the same scripts make the same tree, and the
gateway runs in it as uid 1000, with a root that holds nothing else, where only the state directory can be written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from launched import configuration, launched, serves_and_drains, until
from servers import binary, free_port

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deployment" / "docker"
UID = 1000


class Image(NamedTuple):
    """What Dockerfile.distroless copies: `root` with the environment in it, at the path where it was made."""

    root: Path
    environment: Path
    python: str


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Made by install.sh and gather.py, from this interpreter and the lock."""
    folder = tmp_path_factory.mktemp("image")
    python = os.path.realpath(sys.executable)
    environment = folder / "opt" / "llm-gateway"
    environment.parent.mkdir()
    for step in ("dependencies", "gateway"):
        subprocess.run(
            ["sh", str(DOCKER / "install.sh"), step, str(environment)],
            cwd=ROOT,
            env=os.environ | {"PYTHON": python},
            check=True,
            timeout=500,
        )
    root = folder / "root"
    subprocess.run([python, str(DOCKER / "gather.py"), str(environment), str(root), "--libc"], check=True, timeout=120)
    return Image(root, environment, str(environment / "bin" / "python"))


def test_the_tree_has_no_shell_and_no_package_manager(image: Image) -> None:
    """Of programs there are Python under its names, and what wheels bring."""
    names = {path.name for path in image.root.rglob("*") if path.is_file() and os.access(path, os.X_OK)}
    assert not names & {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3", "curl", "wget", "perl"}
    assert "llm-gateway" in names
    assert not list(image.root.rglob("site-packages/pip"))


def test_only_what_is_locked_is_installed(image: Image) -> None:
    """The packages are those of requirements/run.txt that fit this platform, and the gateway."""
    locked = {line.partition("==")[0] for line in (ROOT / "requirements" / "run.txt").read_text().splitlines() if "==" in line}
    there = {path.name.partition("-")[0].replace("_", "-").lower() for path in image.environment.rglob("*.dist-info")}
    assert there - locked == {"llm-gateway"}
    assert len(there) > 20


def test_it_serves_as_uid_1000_on_a_root_that_cannot_be_written(image: Image, tmp_path: Path) -> None:
    """In the gathered tree alone, read-only but for the state directory: a request is answered, SIGTERM drains and ends with 0."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to change the root and the user")
    unshare = binary("unshare", "usr/bin/unshare")
    port = free_port()
    state = image.root / "var/lib/llm-gateway"
    for folder in (state, image.root / "etc/llm-gateway", image.root / "dev", image.root / "proc"):
        folder.mkdir(parents=True, exist_ok=True)
    os.chown(state, UID, UID)
    (image.root / "etc/llm-gateway/config.json").write_bytes(configuration(port, free_port(), Path("/var/lib/llm-gateway")))
    enter = tmp_path / "enter.sh"
    enter.write_text(ENTER)
    command = [unshare, "-m", "sh", str(enter), str(image.root), image.python, RUN, image.python]
    with launched(command, port, tmp_path) as process:
        inside = Path(f"/proc/{process.pid}")
        assert f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}" in (inside / "status").read_text()
        assert (inside / "root").readlink() == image.root
        until(lambda: "store_ready" in (tmp_path / "said").read_text())  # control runs there, too
        serves_and_drains(process, port, process.pid)
    said = (tmp_path / "said").read_text()
    assert "root: not written, environment: not written, temporary: not written, state: written" in said
    assert '"level":"error"' not in said
    assert {path.name for path in state.iterdir()} >= {"pepper", "ledger", "gateway.db"}


def test_the_health_check_tells_good_from_bad(image: Image, tmp_path: Path) -> None:
    """Against a gateway that serves it ends with 0; where nothing listens with 1, and the reason."""
    check = [image.python, str(DOCKER / "healthcheck.py")]
    port = free_port()
    config = tmp_path / "gateway.json"
    config.write_bytes(configuration(port, free_port(), tmp_path / "state"))
    with launched([image.python, "-m", "llm_gateway", "serve", "--config", str(config)], port, tmp_path) as process:
        good = {"HEALTH_URL": f"http://127.0.0.1:{port}/health", "http_proxy": "http://127.0.0.1:1"}
        assert subprocess.run(check, env=good, check=False).returncode == 0
        refused = subprocess.run(
            check, env={"HEALTH_URL": f"http://127.0.0.1:{port}/v1/models"}, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert "401" in refused.stderr
        serves_and_drains(process, port, process.pid)
    away = subprocess.run(
        check, env={"HEALTH_URL": f"http://127.0.0.1:{port}/health"}, capture_output=True, text=True, check=False
    )
    assert away.returncode == 1
    assert "refused" in away.stderr


ENTER = """set -eu
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount --bind /proc "$1/proc"
mount --bind "$1/var/lib/llm-gateway" "$1/var/lib/llm-gateway"
mount -o remount,bind,ro "$1"
exec chroot "$1" "$2" -c "$3" "$4"
"""

RUN = f"""import os, sys
from pathlib import Path
os.setgroups([]); os.setgid({UID}); os.setuid({UID}); os.chdir("/var/lib/llm-gateway")
def written(name, folder):
    try:
        (Path(folder) / "probe").write_text("x")
    except OSError:
        return name + ": not written"
    (Path(folder) / "probe").unlink()
    return name + ": written"
places = {{"root": "/", "environment": sys.prefix, "temporary": "/tmp", "state": "."}}
print(*(written(name, folder) for name, folder in places.items()), sep=", ", flush=True)
environment = {{"PATH": str(Path(sys.argv[1]).parent), "PYTHONDONTWRITEBYTECODE": "1"}}
os.execve(sys.argv[1], ["python", "-m", "llm_gateway", "serve", "--config", "/etc/llm-gateway/config.json"], environment)
"""

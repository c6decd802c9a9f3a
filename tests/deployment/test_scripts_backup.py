"""backup.sh while a gateway works, restore.sh somewhere else, and what they refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from deployment.scripts import run
from e2e.world import eventually
from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, running_simulator
from servers import Postgres, postgres_server

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(180)]
ADMIN = "sk-gateway-admin-0123456789abcdef"
HIDE, SHOW = "tr a-z n-za-m | gzip", "gunzip | tr n-za-m a-z"
"""Stand for gpg or age: what they write is not what they read."""
PATIENCE = 30.0


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as made:
        yield made


def configuration(simulator: RunningSimulator, **more: Any) -> dict[str, Any]:
    return {
        "auth": {"keys": [{"name": "admin", "key": ADMIN, "kind": "admin"}]},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": "sim/one"},
        **more,
    }


def made_key(gateway: GatewayProcess) -> str:
    """A key that only the database knows."""
    with httpx.Client(base_url=gateway.admin or "", headers={"Authorization": f"Bearer {ADMIN}"}, trust_env=False) as client:
        tenant = client.post("/admin/v1/tenants", json={"name": "acme"})
        assert tenant.status_code in (200, 201), tenant.text
        made = client.post("/admin/v1/keys", json={"name": "app", "tenant": "acme"})
        assert made.status_code in (200, 201), made.text
        return str(made.json()["key"])


def ask(gateway: GatewayProcess, key: str) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=20) as client:
        return client.post("/v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, json=body).status_code


class Load(threading.Thread):
    """One client that asks without pause."""

    def __init__(self, gateway: GatewayProcess, key: str) -> None:
        super().__init__()
        self.gateway, self.key, self.over = gateway, key, threading.Event()
        self.statuses: list[int] = []

    def run(self) -> None:
        while not self.over.is_set():
            self.statuses.append(ask(self.gateway, self.key))

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.over.set()
            self.join(30)


def cli(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llm_gateway", "--json", *arguments, "--config", str(folder / "gateway.json")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The ledger in the store, by request."""
    done = cli(folder, "ledger", "export")
    assert done.returncode == 0, done.stderr
    found = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    return {row["id"]: row for row in found}


def verified(folder: Path) -> dict[str, Any]:
    done = cli(folder, "ledger", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(msgspec.json.decode(done.stdout))


def saved(folder: Path, to: Path, *arguments: str, **environ: str) -> Path:
    done = run("backup.sh", "--config", str(folder / "gateway.json"), "--to", str(to), *arguments, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.splitlines()[-1])


def another(folder: Path, config: dict[str, Any]) -> Path:
    """The configuration of the gateway that is to have it."""
    folder.mkdir()
    complete = {"server": {"port": 0, "admin": {"port": 0}}, "state": {"dir": str(folder / "state")}, **config}
    (folder / "gateway.json").write_bytes(msgspec.json.encode(complete))
    return folder


def there_and_back(
    simulator: RunningSimulator,
    tmp_path: Path,
    config: dict[str, Any],
    then: dict[str, Any],
    *,
    source: str = "",
    target: str = "",
) -> None:
    """Saved under load, restored elsewhere: keys work, and the ledger is the same and right."""
    first = tmp_path / "first"
    first.mkdir()
    with running_gateway(config, first) as gateway:
        key = made_key(gateway)
        assert eventually(lambda: ask(gateway, key) == 200, PATIENCE)
        load = Load(gateway, key)
        with load.running():
            assert eventually(lambda: len(load.statuses) > 60, PATIENCE)
            backup = saved(first, tmp_path / "backups", "--with-secrets", "--encrypt", HIDE, DATABASE_URL=source)
            done_before = len(load.statuses)
            assert eventually(lambda: len(load.statuses) > done_before + 20, PATIENCE)
        assert set(load.statuses) == {200}
    original = rows(first)
    assert b"sk-gateway" not in (backup / "secrets.encrypted").read_bytes()
    assert (backup.stat().st_mode & 0o777, (backup / "manifest.json").stat().st_mode & 0o777) == (0o700, 0o600)

    second = another(tmp_path / "second", then)
    done = run("restore.sh", str(backup), "--config", str(second / "gateway.json"), "--decrypt", SHOW, DATABASE_URL=target)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("pepper", "master.key", "install.id"):
        assert (second / "state" / name).read_bytes() == (first / "state" / name).read_bytes()
    with running_gateway(then, second) as gateway:
        assert ask(gateway, key) == 200  # from the snapshot and the pepper, before any other thing
        assert ask(gateway, "sk-gateway-of-nobody-0123456789") == 401
    found = verified(second)
    assert found["right"] is True
    assert found["waiting"] == 0
    restored = rows(second)
    known = {request: row for request, row in restored.items() if request in original and row["status"] != "interrupted"}
    assert len(known) >= 60
    assert all(known[request] == original[request] for request in known)
    assert len(restored.keys() - original.keys()) <= 2  # the two that were asked here
    again = cli(second, "audit", "verify")
    assert again.returncode == 0, again.stdout + again.stderr


def test_sqlite_there_and_back(simulator: RunningSimulator, tmp_path: Path) -> None:
    """SQLite: saved while it works, restored to another folder."""
    there_and_back(simulator, tmp_path, configuration(simulator), configuration(simulator))


@pytest.mark.long
def test_postgres_there_and_back(simulator: RunningSimulator, tmp_path: Path) -> None:
    """PostgreSQL: restored to another database; one that is not empty is refused, and emptied with --force only."""
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    server: Postgres = postgres_server()
    names = [f"backup_{tmp_path.name[-12:].replace('-', '_')}_{which}".lower() for which in ("a", "b")]
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for name in names:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    source, target = (server.tcp_url(name) for name in names)
    databases = [{"database": {"url": url, "migrate": "auto"}} for url in (source, target)]
    configs = [configuration(simulator, **database) for database in databases]
    there_and_back(simulator, tmp_path, *configs, source=source, target=target)

    backup = next((tmp_path / "backups").iterdir())
    third = another(tmp_path / "third", configs[1])
    arguments = (str(backup), "--config", str(third / "gateway.json"), "--decrypt", SHOW)
    done = run("restore.sh", *arguments, DATABASE_URL=target)
    assert (done.returncode, "the database is not empty" in done.stderr) == (1, True)
    with running_gateway(configs[1], tmp_path / "second"):
        done = run("restore.sh", *arguments, "--force", DATABASE_URL=target)
        assert (done.returncode, "a gateway uses this database" in done.stderr) == (1, True)
    done = run("restore.sh", *arguments, "--force", DATABASE_URL=target)
    assert done.returncode == 0, done.stderr
    assert verified(third)["right"] is True


@pytest.fixture(scope="module")
def backup(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one, of a gateway that has ended, without secrets."""
    folder = tmp_path_factory.mktemp("source")
    with running_gateway(configuration(simulator), folder) as gateway:
        made_key(gateway)
    return saved(folder, tmp_path_factory.mktemp("backups"))


def restored(backup: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("restore.sh", str(backup), "--config", str(folder / "gateway.json"), *arguments)


def test_secrets_are_not_saved_as_they_are(simulator: RunningSimulator, backup: Path, tmp_path: Path) -> None:
    """Not without being asked for, and then only through a command that encrypts; a command that fails leaves no backup."""
    assert not (backup / "secrets.encrypted").exists()
    folder = another(tmp_path / "one", configuration(simulator))
    (folder / "state").mkdir()
    shutil.copytree(backup, tmp_path / "copy")
    shutil.copy(backup / "gateway.db", folder / "state" / "gateway.db")
    (folder / "state" / "pepper").write_bytes(b"p" * 32)
    config = str(folder / "gateway.json")
    done = run("backup.sh", "--config", config, "--to", str(tmp_path / "to"), "--with-secrets")
    assert (done.returncode, "needs --encrypt" in done.stderr) == (2, True)
    for command in ("false", "true"):
        done = run("backup.sh", "--config", config, "--to", str(tmp_path / "to"), "--with-secrets", "--encrypt", command)
        assert (done.returncode, "could not be encrypted" in done.stderr) == (1, True)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_backup_that_was_changed_is_refused(simulator: RunningSimulator, backup: Path, tmp_path: Path) -> None:
    """One bit, a file that is gone, a file too many, a manifest that is none: nothing is touched."""
    for number, (change, told) in enumerate(
        (
            (
                lambda at: (at / "gateway.db").write_bytes(b"x" + (at / "gateway.db").read_bytes()[1:]),
                "gateway.db is not what was saved",
            ),
            (lambda at: (at / "state.tar.gz").unlink(), "state.tar.gz is missing"),
            (lambda at: (at / "more").write_text("x"), "more does not belong here"),
            (lambda at: (at / "manifest.json").write_text("{}"), "manifest.json cannot be used"),
        )
    ):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(backup, copy)
        change(copy)
        folder = another(tmp_path / f"to{number}", configuration(simulator))
        done = restored(copy, folder, "--without-secrets")
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
        assert not (folder / "state").exists()


def test_a_gateway_that_runs_is_not_overwritten(simulator: RunningSimulator, backup: Path, tmp_path: Path) -> None:
    """Not even with --force; once it has ended its folder is not empty, and with --force it is set aside whole."""
    config = configuration(simulator)
    with running_gateway(config, tmp_path):
        for more in ((), ("--force",)):
            done = restored(backup, tmp_path, "--without-secrets", *more)
            assert (done.returncode, "a gateway runs with" in done.stderr) == (1, True)
    pepper = (tmp_path / "state" / "pepper").read_bytes()
    done = restored(backup, tmp_path, "--without-secrets")
    assert (done.returncode, "is not empty" in done.stderr) == (1, True)
    done = restored(backup, tmp_path, "--without-secrets", "--force")
    assert done.returncode == 0, done.stderr
    aside = next(tmp_path.glob("state.before-restore-*"))
    assert (aside / "gateway.db").exists()
    assert (tmp_path / "state" / "pepper").read_bytes() == pepper


def test_secrets_must_come_from_somewhere(simulator: RunningSimulator, backup: Path, tmp_path: Path) -> None:
    """Without them, and without saying so, nothing is restored; what has none cannot be decrypted."""
    folder = another(tmp_path / "to", configuration(simulator))
    done = restored(backup, folder)
    assert (done.returncode, "no API key is recognised" in done.stderr) == (1, True)
    done = restored(backup, folder, "--decrypt", SHOW)
    assert (done.returncode, "made without --with-secrets" in done.stderr) == (1, True)
    assert not (folder / "state").exists()


def test_another_kind_of_database_is_refused(simulator: RunningSimulator, backup: Path, tmp_path: Path) -> None:
    """SQLite does not go into PostgreSQL."""
    folder = another(tmp_path / "to", configuration(simulator, database={"url": "postgresql://u@127.0.0.1:1/d"}))
    done = restored(backup, folder, "--without-secrets")
    assert (done.returncode, "of another kind of database" in done.stderr) == (1, True)


def test_nothing_to_save(simulator: RunningSimulator, tmp_path: Path) -> None:
    """A configuration that no gateway ever ran with is told as such."""
    folder = another(tmp_path / "to", configuration(simulator))
    done = run("backup.sh", "--config", str(folder / "gateway.json"), "--to", str(tmp_path / "backups"))
    assert (done.returncode, "there is nothing to save" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:p4ss@one:5432,two:5432/d", "no URL of one server"),
        ("postgresql://u:p4ss/word@127.0.0.1/d", "%2F"),
        ("u:p4ss@127.0.0.1/d", "does not begin with postgresql://"),
        ("postgresql://u:p4ss@127.0.0.1:1", "names no database"),
        ("postgresql://u:p4ss%0a@127.0.0.1:1/d", "line end"),
        ("postgresql://u:p4ss@[::1/d", "no URL"),
    ],
)
def test_an_address_that_cannot_be_read_is_nobodys(tmp_path: Path, url: str, told: str) -> None:
    """Without the URL's parts libpq would take its own default database, and --force would empty that: no program is started."""
    for name in ("psql", "pg_restore", "pg_dump", "llm-gateway"):
        file = tmp_path / name
        file.write_text(f'#!/bin/sh\n[ "$1" = --version ] || touch "{tmp_path}/called-{name}"\n')
        file.chmod(0o755)
    info = {"state": str(tmp_path / "state"), "database": "PostgreSQL", "sources": []}
    (tmp_path / "llm-gateway").write_text(f"#!/bin/sh\necho '{msgspec.json.encode(info).decode()}'\n")
    (tmp_path / "gateway.json").write_text("{}")
    (tmp_path / "state").mkdir()
    backup = tmp_path / "backup"
    backup.mkdir()
    manifest = {"format": 1, "created": "now", "gateway": "", "database": "PostgreSQL", "files": {}}
    (backup / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    config = ("--config", str(tmp_path / "gateway.json"))
    for script, more in (
        ("restore.sh", (str(backup), "--without-secrets", "--force")),
        ("backup.sh", ("--to", str(tmp_path / "to"))),
    ):
        done = run(script, *more, *config, path=tmp_path, DATABASE_URL=url)
        assert (done.returncode, "address cannot be read" in done.stderr, told in done.stderr) == (1, True, True), done.stderr
        assert "p4ss" not in done.stderr
    assert not list(tmp_path.glob("called-p*"))

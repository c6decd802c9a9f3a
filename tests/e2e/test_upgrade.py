"""From one version to the next with a database that is in use: both serve, whoever has changed the schema."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

import llm_gateway
from e2e.simulator_process import simulator_process
from e2e.streaming_load import Callers
from e2e.world import eventually
from gateway_process import GatewayProcess, running_gateway
from servers import Postgres, postgres_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
ADMIN = "sk-gateway-admin-0123456789abcdef"
PATIENCE = 30.0
MIGRATION = '''"""A column and a table that the version before knows nothing of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{newest}"
compatible_with = "{newest}"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("mood", sa.Text, nullable=True))
    op.create_table("moods", sa.Column("name", sa.Text, primary_key=True, nullable=False))


def downgrade() -> None:
    op.drop_table("moods")
    op.drop_column("ledger", "mood")
'''


def next_version(folder: Path) -> tuple[dict[str, str], str]:
    """This version with one more migration, as the environment that runs it; and the migration's number."""
    source = Path(llm_gateway.__file__).parent
    shutil.copytree(source, folder / "llm_gateway", ignore=shutil.ignore_patterns("__pycache__"))
    versions = folder / "llm_gateway" / "store" / "migrations" / "versions"
    newest = max(file.name[1:5] for file in versions.glob("v[0-9]*.py"))
    number = f"{int(newest) + 1:04}"
    (versions / f"v{number}_add_moods.py").write_text(MIGRATION.format(newest=newest, number=number))
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}, number


def migrate(folder: Path, command: str, environ: dict[str, str] | None = None) -> dict[str, Any]:
    words = [sys.executable, "-m", "llm_gateway", "--json", "migrate", command, "--config", str(folder / "gateway.json")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ) | (environ or {}))
    assert done.returncode == 0, done.stderr
    return dict(msgspec.json.decode(done.stdout))


def admin(gateway: GatewayProcess, method: str, path: str, body: Any = None) -> Any:
    reply = httpx.request(
        method, f"{gateway.admin}{path}", headers={"Authorization": f"Bearer {ADMIN}"}, json=body, trust_env=False, timeout=20
    )
    assert reply.status_code in (200, 201), reply.text
    return reply.json()


def asked(gateway: GatewayProcess, key: str) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": "[tokens=1]"}]}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=body, trust_env=False, timeout=20).status_code


def database(tmp_path: Path) -> tuple[str, Callable[[str], int]]:
    """A new one, and what counts in it."""
    server: Postgres = postgres_server()
    name = f"upgrade_{abs(hash(tmp_path))}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]

    def count(sql: str) -> int:
        with psycopg.connect(server.url(name)) as connection:
            row = connection.execute(sql).fetchone()  # type: ignore[arg-type]
            assert row is not None
            return int(row[0])

    return server.tcp_url(name), count


def test_a_running_database_is_migrated(tmp_path: Path) -> None:
    """Version N serves, N+1 migrates under it; N goes on, also with a control process that begins anew; N+1 joins; N ends."""
    url, count = database(tmp_path)
    later, number = next_version(tmp_path / "next")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    (second / "state").mkdir(parents=True)
    with simulator_process(tmp_path, None) as simulator:
        config = {
            "server": {"drain_delay": "0s"},
            "auth": {
                "keys": [
                    {"name": "tests", "key": "sk-gateway-tests-0123456789abcdef"},
                    {"name": "admin", "key": ADMIN, "kind": "admin"},
                ]
            },
            "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
            "models": {"m": "sim/one"},
            "database": {"url": url, "migrate": "manual"},
        }
        state = {"state": {"dir": str(first / "state")}}
        (first / "gateway.json").write_bytes(msgspec.json.encode({**config, **state}))
        assert migrate(first, "run")["applied"]
        with running_gateway(config, first) as old:
            assert eventually(lambda: httpx.get(f"{old.admin}/health", trust_env=False).status_code == 200, PATIENCE)
            admin(old, "POST", "/admin/v1/tenants", {"name": "acme"})
            with Callers(old.url, 0, 1, short=2) as callers:
                assert migrate(first, "run", later) == {"applied": [f"{number}_add_moods"]}
                before = count("SELECT count(*) FROM ledger")
                assert eventually(lambda: count("SELECT count(*) FROM ledger") > before + 20, PATIENCE)
                os.kill(old.pids["control"], signal.SIGKILL)
                before = count("SELECT count(*) FROM ledger")
                assert eventually(lambda: count("SELECT count(*) FROM ledger") > before + 20, PATIENCE)
                key = admin(old, "POST", "/admin/v1/keys", {"name": "app", "tenant": "acme"})["key"]
                assert eventually(lambda: asked(old, key) == 200, PATIENCE)
                for name in ("pepper", "master.key"):
                    shutil.copy(first / "state" / name, second / "state" / name)
                with running_gateway(config, second, later) as new:
                    assert eventually(lambda: asked(new, key) == 200, PATIENCE)
                    before = count("SELECT count(*) FROM ledger")
                    assert eventually(lambda: count("SELECT count(*) FROM ledger") > before + 20, PATIENCE)
            callers.right()
            newest = migrate(first, "status")["migrations"][-1]
            assert (newest["version"], newest["known"], newest["status"]) == (number, False, "applied")
        assert count("SELECT count(*) FROM ledger WHERE status = 'interrupted'") == 0
        assert count("SELECT count(*) FROM ledger") >= callers.answered

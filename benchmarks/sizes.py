#!/usr/bin/env python3
"""How much a request leaves behind and how much a stream holds: disk, database, Redis, memory. For `llm-gateway sizing`.

    python benchmarks/sizes.py            prints the figures and writes them into src/llm_gateway/loadtest/figures.json
    python benchmarks/sizes.py --look     prints them only

Needs Linux, redis-server and PostgreSQL. Everything listens on 127.0.0.1; about half a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from report import machine, write_figures  # noqa: E402

from gateway_process import KEY, GatewayProcess, running_gateway  # noqa: E402 - from tests/
from llm_gateway.config.values import Duration  # noqa: E402
from llm_gateway.http.client import Origin, Timeouts  # noqa: E402
from llm_gateway.loadtest.exchange import Target  # noqa: E402
from llm_gateway.loadtest.running import Run  # noqa: E402
from llm_gateway.loadtest.scenario import Scenario, Span, Stage  # noqa: E402
from servers import Postgres, RedisServer  # noqa: E402

REQUESTS, KEYS, STREAMS = 3000, 200, 400
TIMEOUTS = Timeouts(connect=30, head=60, idle=60, total=120, pool=60)


def rss_kb(pid: int) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def configuration(simulator: str, redis: RedisServer, database: str) -> dict[str, Any]:
    limits = {"requests": {"minute": 10**6}, "tokens": {"minute": 10**9}, "concurrent": 1000}
    budget = {"amount": 100000, "period": "month"}
    keys = [{"name": f"k{n}", "key": f"{KEY}-{n:04d}", "limits": limits, "budgets": [budget]} for n in range(KEYS)]
    return {
        "server": {"workers": 1},
        "redis": {"url": redis.url},
        "database": {"url": database, "migrate": "auto"},
        "auth": {"keys": keys},
        "providers": {
            "sim": {"type": "openai_compatible", "base_url": f"{simulator}/v1"},
            "slow": {"type": "openai_compatible", "base_url": f"{simulator}/f/stall:after=4000,secs=6/v1"},
        },
        "models": {"m": "sim/gpt-sim", "held": "slow/gpt-sim"},
        "catalogue": {"models": {"sim/gpt-sim": {"prices": {"input": 2.5, "output": 10}}}},
    }


async def asked(
    gateway: GatewayProcess, key: int, *, users: int, count: int, stream: float, tokens: int, model: str = "m"
) -> None:
    scenario = Scenario(
        stages=(Stage(duration=Duration(600), users=Span(users, users)),),
        models={model: 1},
        stream=stream,
        requests=count,
        prompt=f"[tokens={tokens}]",
        prompt_tokens=Span(300, 300),
        max_tokens=Span(tokens, tokens),
        max_in_flight=users,
        seed=key,
    )
    headers = f"Content-Type: application/json\r\nAuthorization: Bearer {KEY}-{key:04d}\r\n".encode()
    run = Run(scenario, Target(Origin.parse(gateway.url)[0], b"/v1/chat/completions", headers, TIMEOUTS), time.monotonic)
    summary = await run.run()
    if summary.errors.count:
        raise SystemExit(f"nothing was measured: {summary.errors.kinds}")


def database_bytes(url: str) -> tuple[int, int, int]:
    """Of all tables with their indexes, of the log that it wrote so far, and rows of the ledger."""
    with psycopg.connect(url) as connection:
        size = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'p') AND relname LIKE 'ledger%'"
        )
        log = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        rows = connection.execute("SELECT count(*) FROM ledger")
        return tuple(int(one.fetchone()[0]) for one in (size, log, rows))


def redis_facts(redis: RedisServer) -> dict[str, int]:
    text = redis.command("INFO", "all").decode()
    pairs = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: int(pairs[name]) for name in ("used_memory", "total_commands_processed")}


def log_bytes(folder: Path) -> int:
    """Written to the ledger's own log: its segments are made in full size and filled."""
    return sum(len(file.read_bytes().rstrip(b"\0")) for file in (folder / "state" / "ledger").rglob("*") if file.is_file())


async def peak(gateway: GatewayProcess) -> float:
    """KB of the worker for each of many streams that are open at once."""
    before = rss_kb(gateway.worker)
    running = asyncio.ensure_future(asked(gateway, 0, users=STREAMS, count=STREAMS, stream=1.0, tokens=200, model="held"))
    highest = before
    while not running.done():
        highest = max(highest, rss_kb(gateway.worker))
        await asyncio.wait((running,), timeout=0.1)
    running.result()
    return (highest - before) / STREAMS


def measured(gateway: GatewayProcess, redis: RedisServer, database: str) -> dict[str, dict[str, float]]:
    asyncio.run(asked(gateway, 0, users=4, count=50, stream=0.0, tokens=30))  # tables and caches are there
    wait_for_rows(database, 50)
    memory, rows = redis_facts(redis), database_bytes(database)
    ledger, access = log_bytes(gateway.folder), (gateway.folder / "access.log").stat().st_size
    each = REQUESTS // KEYS

    async def all_keys() -> None:
        for key in range(KEYS):
            await asked(gateway, key, users=8, count=each, stream=0.3, tokens=30)

    asyncio.run(all_keys())
    loaded = {"worker_loaded_mb": rss_kb(gateway.worker) / 1024, "control_loaded_mb": rss_kb(gateway.pids["control"]) / 1024}
    after = redis_facts(redis)
    wait_for_rows(database, 50 + REQUESTS)
    now = database_bytes(database)
    return {
        "ledger": {
            "log_bytes": round((log_bytes(gateway.folder) - ledger) / REQUESTS),
            "row_bytes": round((now[0] - rows[0]) / REQUESTS),
            "database_log_bytes": round((now[1] - rows[1]) / REQUESTS),
            "access_log_bytes": round(((gateway.folder / "access.log").stat().st_size - access) / REQUESTS),
        },
        "redis": {
            "bytes_per_key": round((after["used_memory"] - memory["used_memory"]) / KEYS),
            "commands": round((after["total_commands_processed"] - memory["total_commands_processed"]) / REQUESTS, 2),
        },
        "memory": {
            "supervisor_mb": round(rss_kb(gateway.pids["supervisor"]) / 1024, 1),
            **{name: round(value, 1) for name, value in loaded.items()},
            "stream_kb": round(asyncio.run(peak(gateway)), 1),
        },
    }


def wait_for_rows(database: str, count: int) -> None:
    end = time.monotonic() + 60
    while database_bytes(database)[2] < count:
        if time.monotonic() > end:
            raise SystemExit("the ledger's rows did not come")
        time.sleep(0.2)
    time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="store_true", help="write nothing")
    args = parser.parse_args()
    command = [sys.executable, "-m", "llm_gateway", "--json", "simulate", "-p", "0", "--tokens-per-second", "5000"]
    postgres, redis = Postgres(), RedisServer()
    simulator = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        said = b""
        while not said.endswith(b"}\n"):
            said += simulator.stdout.readline()
        with tempfile.TemporaryDirectory(prefix="gw-sizes-") as folder:
            config = configuration(json.loads(said)["url"], redis, postgres.url())
            with running_gateway(config, Path(folder)) as gateway:
                figures = measured(gateway, redis, postgres.url())
    finally:
        simulator.terminate()
        simulator.wait(30)
        simulator.stdout.close()
        postgres.end()
        redis.end()
    print(json.dumps(figures, indent=2))
    if not args.look:
        write_figures(figures | {"sizes": {"date": datetime.date.today().isoformat(), "machine": machine()}})
    return 0


if __name__ == "__main__":
    sys.exit(main())

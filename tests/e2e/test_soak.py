"""Fifty callers, providers that fail in every way, and nothing may pile up (faults.md C35). `make soak MINUTES=30`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from e2e.soaking import Process, Watch, leaks, probe, slope
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.config.values import Duration
from llm_gateway.http.client import Origin, Timeouts
from llm_gateway.http.headers import header
from llm_gateway.loadtest.exchange import Target
from llm_gateway.loadtest.measured import Summary
from llm_gateway.loadtest.running import Run
from llm_gateway.loadtest.scenario import Scenario, Span, Stage

MINUTES = float(os.environ.get("SOAK_MINUTES", "2"))
SECONDS = MINUTES * 60
WARM_UP = min(SECONDS / 3, 300.0)
"""Not judged: caches fill, and learned tables. Memory of a process is still settling in the first minutes."""
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "50"))
HOURS = (SECONDS - WARM_UP) / 3600
TOLERANCES = {"memory_kb": 4096 + 6144 * HOURS, "fds": 5.0, "connections": 5.0, "tasks": 8.0, "threads": 1.0}
"""Growth over the whole time that is judged: of memory 4 MB and 6 MB an hour, of everything else what callers come and go with."""
PAGES = 8_000
"""KB that SQLite may keep of the database in memory (store/engine.py): it fills with the ledger's rows, once, and stays."""
ALLOWED = TOLERANCES | {"control memory_kb": TOLERANCES["memory_kb"] + PAGES}
FAULTS = (
    "",
    "503:every=7",
    "429:every=9,retry_after=1",
    "close_pre:every=8",
    "reset_mid:after=200,every=6",
    "close_mid:after=300,every=6",
    "stall:after=200,secs=3,every=9",
    "slow_headers:secs=3,every=9",
    "malformed_json:every=6",
    "mid_error:every=6",
    "no_done:every=6",
    "gzip:every=3",
    "bad_gzip:every=9",
    "rechunk:mode=random,seed=3",
    "bad_chunk:every=7",
    "html_200:every=9",
    "drip:bps=4000,every=8",
)


@contextlib.contextmanager
def simulator() -> Iterator[str]:
    """The URL of a simulator in a process of its own."""
    command = [sys.executable, "-m", "llm_gateway", "--json", "simulate", "-p", "0", "--tokens-per-second", "100"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        said = b""
        while not said.endswith(b"}\n"):
            said += process.stdout.readline()
        yield msgspec.json.decode(said)["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def configuration(url: str) -> dict[str, Any]:
    """A provider for each fault; every route begins with several of them and ends with one that works."""
    providers = {
        f"p{number}": {"type": "openai_compatible", "base_url": f"{url}/f/{quote(fault)}/v1" if fault else f"{url}/v1"}
        for number, fault in enumerate(FAULTS)
    }
    bad = [f"p{number}/sim" for number in range(1, len(FAULTS))]
    times = {"connect": "2s", "head": "1s", "first_token": "2s", "idle": "1s", "total": "20s"}
    routes = {
        "mixed": {"deployments": bad, "strategy": "weighted", "timeouts": times, "retries": 1},
        "good": {"deployments": ["p0/sim"], "timeouts": times},
        "cut": {
            "deployments": [name for name in bad if name.split("/")[0] in ("p4", "p5", "p10")],
            "timeouts": times,
            "retries": 0,
        },
    }
    limits = {"requests": {"minute": 10**6}, "tokens": {"minute": 10**9}, "concurrent": 1000}
    return {
        "server": {"workers": 1, "drain": "10s"},
        "providers": providers,
        "models": routes,
        "catalogue": {"models": {f"p{number}/sim": {"prices": {"input": 1, "output": 2}} for number in range(len(FAULTS))}},
        "auth": {"keys": [{"name": "soak", "key": KEY, "limits": limits, "budgets": [{"amount": 100000, "period": "day"}]}]},
    }


def load(gateway: GatewayProcess, seconds: float) -> Run:
    """Callers that wait for their answers, nine in ten for streams of any length."""
    scenario = Scenario(
        stages=(Stage(duration=Duration(seconds), users=Span(CLIENTS, CLIENTS)),),
        models={"mixed": 6, "good": 3, "cut": 1, "nobody": 0.2},
        prompt_tokens=Span(20, 2000),
        max_tokens=Span(5, 60),
        stream=0.7,
        think=Duration(1),
    )
    lines = b"Content-Type: application/json\r\n" + header(b"Authorization", f"Bearer {KEY}".encode())
    timeouts = Timeouts(connect=30, head=30, idle=30, total=60, pool=30)
    return Run(scenario, Target(Origin.parse(gateway.url)[0], b"/v1/chat/completions", lines, timeouts), time.monotonic)


async def rude(port: int, draw: random.Random) -> None:
    """A caller that leaves in the middle of its request, of its answer, or says what nobody understands."""
    body = b'{"model":"good","stream":true,"messages":[{"role":"user","content":"[tokens=200] hello"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
    whole = head % KEY.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    text = draw.choice(
        (whole, whole, whole[: draw.randrange(1, len(whole))], whole[:-1] + b"]", b"GET / HTTP/9\r\n\r\n", b"\0" * 99)
    )
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(text)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(100), draw.random())
        finally:
            writer.transport.abort() if draw.random() < 0.5 else writer.close()


async def soaked(gateway: GatewayProcess, watch: Watch) -> Summary:
    """The load, and a look at everything every second."""
    draw = random.Random(1)
    run = load(gateway, SECONDS)
    running = asyncio.ensure_future(run.run())
    while not running.done():
        watch.look()
        await rude(gateway.port, draw)
        await asyncio.wait((running,), timeout=1)
    return running.result()


def worker_and_control(gateway: GatewayProcess, folder: Path) -> list[Process]:
    """All processes of the gateway."""
    return [
        Process("supervisor", gateway.pids["supervisor"], folder),
        Process("control", gateway.pids["control"], folder),
        *(Process(f"worker {slot}", pid, folder) for slot, pid in enumerate(gateway.pids["workers"])),
    ]


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 180)
def test_nothing_piles_up(tmp_path: Path) -> None:
    """Worker and control hold at the end what they held after the warm-up, and with no callers what they held without any."""
    environ = probe(tmp_path)
    with simulator() as url, running_gateway(configuration(url), tmp_path, environ) as gateway:
        watch = Watch(worker_and_control(gateway, tmp_path / "tasks"))
        time.sleep(3)
        before = {process.name: process.look() for process in watch.processes}
        began = time.monotonic()
        summary = asyncio.run(soaked(gateway, watch))
        slopes = watch.slopes(began + WARM_UP)
        after = quiet(watch, before)
    told = {
        f"{name} {kind}": [*course(watch.samples[name, kind]), round(found.growth, 1)] for (name, kind), found in slopes.items()
    }
    print(
        msgspec.json.format(msgspec.json.encode({"minutes": MINUTES, "slopes": told, "before": before, "after": after})).decode()
    )
    print(
        msgspec.json.encode(
            {"requests": summary.requests, "errors": summary.errors.kinds, "latency": summary.latency_ms}
        ).decode()
    )
    for name in ("control", "worker 0"):
        assert {kind for whose, kind in slopes if whose == name} == set(TOLERANCES)
        assert max(value for _, value in watch.samples[name, "tasks"]) > 0  # they are really seen
    assert leaks(slopes, ALLOWED) == []
    assert summary.requests > SECONDS
    assert summary.errors.share < 0.5
    for name, kinds in after.items():
        for kind in {"connections", "tasks", "fds"} & set(before[name]):
            assert kinds[kind] <= before[name][kind] + TOLERANCES[kind] + idle_connections(kind, name), (
                name,
                kind,
                before,
                after,
            )


def course(samples: list[tuple[float, float]]) -> list[float]:
    """How it went: the medians of eight parts of the whole time, the warm-up included."""
    size = max(len(samples) // 8, 1)
    return [statistics.median(value for _, value in samples[at : at + size]) for at in range(0, size * 8, size)]


def idle_connections(kind: str, name: str) -> int:
    """What a worker may keep: connections to each provider that may be used again."""
    return 3 * len(FAULTS) if name.startswith("worker") and kind != "tasks" else 0


def quiet(watch: Watch, before: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """What is held when no caller is there any more; waits up to half a minute for it."""
    end = time.monotonic() + 30
    while True:
        found = {process.name: process.look() for process in watch.processes}
        settled = all(kinds["tasks"] <= before[name]["tasks"] + 1 for name, kinds in found.items() if "tasks" in before[name])
        if settled or time.monotonic() > end:
            return found
        time.sleep(1)


def test_a_slope_is_not_moved_by_what_is_odd() -> None:
    """A third of the samples may be anything."""
    samples = [(float(at), 100 + 2.0 * at + (10_000 if at % 4 == 0 else 0)) for at in range(100)]
    found = slope(samples)
    assert found.per_second == pytest.approx(2, rel=0.1)
    assert found.growth == pytest.approx(198, rel=0.1)


def test_noise_is_no_leak_and_a_small_leak_is_one() -> None:
    """Thirty descriptors that come and go are nothing; ten that stay among them are found."""
    draw = random.Random(5)
    noise = [(float(at), 50 + draw.randrange(30)) for at in range(300)]
    leaking = [(at, value + at / 30) for at, value in noise]
    assert leaks({("worker", "fds"): slope(noise)}, TOLERANCES) == []
    assert leaks({("worker", "fds"): slope(leaking)}, TOLERANCES)[0].startswith("worker: fds grew by")


LEAK = """
import asyncio, socket, sys
async def main():
    kept = []
    server = await asyncio.start_server(lambda r, w: kept.append(w), "127.0.0.1", 0)
    print("ready", flush=True)
    while True:
        if sys.argv[1] == "leaking":
            kept.append(bytearray(400_000))
            kept.append(asyncio.ensure_future(asyncio.sleep(1000)))
            kept.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
        await asyncio.sleep(0.05)
from sitecustomize import begin
begin()
asyncio.run(main())
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["leaking", "tidy"])
def test_a_process_that_leaks_is_found_out(kind: str, tmp_path: Path) -> None:
    """Memory, descriptors, connections and tasks, each by itself; a process that keeps nothing is not suspected."""
    environ = os.environ | probe(tmp_path)
    with subprocess.Popen([sys.executable, "-c", LEAK, kind], stdout=subprocess.PIPE, env=environ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            watch = Watch([Process(kind, process.pid, tmp_path / "tasks")])
            end = time.monotonic() + 25
            while len(watch.samples.get((kind, "tasks"), ())) < 25 and time.monotonic() < end:
                watch.look()
                time.sleep(0.1)
        finally:
            process.kill()
    found = {
        text.split(": ")[1].split()[0] for text in leaks(watch.slopes(), dict.fromkeys(TOLERANCES, 3.0) | {"memory_kb": 2000.0})
    }
    assert found == ({"memory_kb", "fds", "connections", "tasks"} if kind == "leaking" else set())

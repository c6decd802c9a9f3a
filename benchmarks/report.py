"""Writes benchmarks/RESULTS.md: what was measured, when, on what, and how to do it again."""

from __future__ import annotations

import datetime
import json
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any


def write_results(
    file: Path,
    day: datetime.date,
    python: str,
    rows: Sequence[tuple[Any, Mapping[str, float]]],
    facts: Mapping[str, float],
    rounds: int,
    seconds: int,
) -> None:
    nginx = (
        subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=False).stderr.rpartition("/")[2].strip()
    )
    parts = ", ".join(f"{name} {version(name)}" for name in ("llm-gateway", "uvloop", "httptools", "msgspec"))
    lines = [
        "# Measured beside nginx, in one run",
        "",
        f"{day.isoformat()}; {machine()}; CPython {python} ({build()}), {parts}; nginx {nginx}.",
        "The gateway has one worker on one core; load generator and provider share the other one. Key check, model permission,",
        f"routing, usage parsing, the usage ledger, access log (to a file) and statistics are on. Medians of {rounds} interleaved rounds of {seconds} s;",
        "the range is that of the rounds. CPU is what the worker used, from /proc; beside it what control used meanwhile on the same core to",
        "bring the ledger into SQLite, which callers do not wait for. Run it again: `make bench`.",
        "How CPython was built matters: on 2026-11-23 a statically linked 3.11 (Debian's) took 18 % less for a whole answer than one with a",
        "shared libpython on the same machine (4.5 and 5.3 times nginx).",
        "",
        "| case | nginx, CPU us | gateway, CPU us | times nginx | range | goal | gateway, per second | control, CPU us per request |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case, row in rows:
        met = f"{case.goal}: {'met' if row['ratio'] <= case.goal else '**not met**'}" if case.goal else ""
        lines.append(
            f"| {case.title} | {row['nginx_us']:.1f} | {row['gateway_us']:.1f} | **{row['ratio']:.2f}** | {row['low']:.2f} to {row['high']:.2f} "
            f"| {met} | {row['rate']:,.0f} | {row['control_us']:.0f} |"
        )
    added = facts["p50_us"] - facts["direct_p50_us"]
    lines += [
        "",
        "| what | measured | goal |",
        "|---|---|---|",
        f"| added latency at 200 requests/s, p50 (against the provider asked directly) | {added / 1000:.2f} ms | 0.3 ms |",
        f"| the same, nginx | {(facts['nginx_p50_us'] - facts['direct_p50_us']) / 1000:.2f} ms | |",
        f"| p99 at 200 requests/s: gateway, nginx | {facts['p99_us'] / 1000:.2f} ms, {facts['nginx_p99_us'] / 1000:.2f} ms | |",
        f"| memory of the worker at rest (RSS) | {facts['rest_mb']:.0f} MB | 80 MB |",
        f"| memory of control at rest (RSS) | {facts['control_mb']:.0f} MB | |",
    ]
    if "idle_kb" in facts:
        lines.append(f"| memory per idle connection, {facts['idle_count']:,.0f} open | {facts['idle_kb']:.1f} KB | 20 KB |")
    lines += [f"| start of the process to its first answer | {facts['start_s']:.2f} s | 1 s |", ""]
    file.write_text("\n".join(lines))
    write_figures(figures_of(day, rows, facts))


FIGURES = Path(__file__).resolve().parent.parent / "src" / "llm_gateway" / "loadtest" / "figures.json"
"""What `llm-gateway sizing` computes with. Written here and by sizes.py; never by hand, but for its costs."""


def write_figures(measured: Mapping[str, Mapping[str, Any]]) -> None:
    """Put what was measured in the place of what was measured before."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for section, values in measured.items():
        figures[section] = {**figures.get(section, {}), **values}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")


def figures_of(
    day: datetime.date, rows: Sequence[tuple[Any, Mapping[str, float]]], facts: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """The part of a whole benchmark that sizing needs: CPU of a worker by case (per event for streams), of control, and memory."""
    by_name = {case.name: row for case, row in rows}
    memory = {"worker_mb": round(facts["rest_mb"], 1), "control_mb": round(facts["control_mb"], 1)}
    if "idle_kb" in facts:
        memory["idle_connection_kb"] = round(facts["idle_kb"], 1)
    return {
        "cpu": {"date": day.isoformat(), "machine": machine(), "python": build()},
        "cpu_us": {
            **{name: round(row["gateway_us"], 1) for name, row in by_name.items()},
            "control": round(by_name["whole"]["control_us"], 1),
        },
        "memory": memory,
    }


def build() -> str:
    """How the interpreter is linked, which changes every figure: run this with another one to see by how much."""
    return "shared libpython" if sysconfig.get_config_var("Py_ENABLE_SHARED") else "static"


def machine() -> str:
    """The machine in words."""
    text = Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    kernel = Path("/proc/sys/kernel/osrelease").read_text().split("-")[0].strip()
    return f"{len(names)} virtual cores ({names[0] if names else 'unknown'}), {memory:.0f} GB, Linux {kernel}"

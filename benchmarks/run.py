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
import shutil
import statistics
import sys
from pathlib import Path

from asking import first_answer, idle, steady, wrk
from cases import CASES, ENGINE, GATEWAY, KEEPING, OBSERVING, PROXY, SHARING, UP, Case
from report import write_results
from rig import Rig, cpu_us, engine, keeping, observing, prepare, processes, rss_kb, sharing, traced

HERE = Path(__file__).resolve().parent


def measure(rig: Rig, case: Case, rounds: int, seconds: int) -> dict[str, float]:
    """Medians for nginx and for us, interleaved."""
    samples: dict[str, list[tuple[float, float, int]]] = {"nginx": [], "gateway": []}
    targets = (("nginx", PROXY, case.prefix + case.path), ("gateway", case.port, case.path))
    worker, control = processes(rig, case.port)
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


def told(case: Case, row: dict[str, float]) -> dict[str, float]:
    """The same, printed."""
    met = f"goal {case.goal}x, {'met' if row['ratio'] <= case.goal else 'NOT MET'}" if case.goal else "no goal"
    print(
        f"{case.title:58s} nginx {row['nginx_us']:6.1f}  gateway {row['gateway_us']:6.1f} us  {row['ratio']:.2f}x"
        f"  ({met})  control {row['control_us']:.0f} us  {row['rate']:.0f}/s  errors {row['errors']:.0f}",
        flush=True,
    )
    return row


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="cases, comma separated: " + ", ".join(case.name for case in CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections to hold; 0: none")
    parser.add_argument("--quick", action="store_true", help="one short round, no memory, nothing written")
    return parser.parse_args()


def main() -> int:
    args = options()
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
        if any(case.port == OBSERVING for case in wanted):
            observing(rig)
        if any(case.port == KEEPING for case in wanted):
            keeping(rig)
        if any(case.port == ENGINE for case in wanted):
            engine(rig)
        rows = [(case, told(case, measure(rig, case, rounds, seconds))) for case in wanted]
        if any(case.port == OBSERVING for case in wanted) and not traced(rig):
            raise SystemExit("no trace came to the collector: what was measured is not what it is called")
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

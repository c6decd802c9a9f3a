#!/usr/bin/env python3
"""Sends recorded provider exchanges through the gateway, to every client dialect, and has a judge look at the answers.

    python scripts/corpus.py --recordings DIR [--provider P,...] [--kind K,...] [--only answers,requests,strange] [--show 20]

DIR holds index.jsonl, the exchanges and judge.py (official SDK models and stream grammars). Recordings are not part of this
project; any corpus in that form will do. The gateway is the real one, from a caller's request to his answer; only sockets are
left out. What is checked:

  answers     same dialect: the provider's bytes, however they are cut; else the judge accepts it in the client's dialect, and it
              says what the provider said: text, thoughts, calls, why it ended, usage. Errors have each client's own shape
  requests    a recorded request reaches every provider in its dialect, valid by the SDK's types, or is refused with a member's path
  strange     answers with members removed, emptied or unknown, other framing, other words: no internal error, no content lost

Failures that are as they should be stand in corpus/explained.json, with the reason. Any other one makes the exit code 1.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from corpus import answers, asked, clients, recordings, strange, world  # noqa: E402 - found by the path above

CHECKS = ("answers", "requests", "strange")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--provider", default="", help="comma separated")
    parser.add_argument("--kind", default="", help="comma separated")
    parser.add_argument("--id", default="", help="one recording")
    parser.add_argument("--only", default=",".join(CHECKS))
    parser.add_argument("--show", type=int, default=20, help="how many failures to print")
    args = parser.parse_args()
    report = Report(json.loads((HERE / "corpus" / "explained.json").read_text()))
    made, judges = world.World(), clients.Judges(args.recordings)
    left_out: collections.Counter[tuple[str, str]] = collections.Counter()
    began = time.perf_counter()
    for found in recordings.read(args.recordings, _names(args.provider), _names(args.kind)):
        if not isinstance(found, recordings.Recording):
            left_out[found] += 1
        elif not args.id or found.id == args.id:
            for check in _names(args.only):
                report.add(found, check, _findings(check, made, judges, found))
    report.show(args.show)
    print("not of a dialect that the gateway has:", ", ".join(f"{a} {b} {n}" for (a, b), n in sorted(left_out.items())))
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if report.failures else 0


def _findings(check: str, made: world.World, judges: clients.Judges, recording: recordings.Recording) -> list[answers.Finding]:
    match check:
        case "answers":
            return list(answers.check_answer(made, judges, recording))
        case "requests":
            return list(asked.check_request(made, recording))
        case _:
            return list(strange.check_strange(made, judges, recording))


def _names(text: str) -> set[str]:
    return {name for name in text.split(",") if name}


class Report:
    """Counts, and what failed."""

    def __init__(self, explained: list[dict[str, str]]) -> None:
        self._explained = [(re.compile(entry["match"]), entry["reason"]) for entry in explained]
        self._counts: collections.Counter[tuple[str, str, str, str]] = collections.Counter()
        self._reasons: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []

    def add(self, recording: recordings.Recording, check: str, findings: list[answers.Finding]) -> None:
        for finding in findings:
            outcome = "passed"
            if finding.problem:
                kind = f"{recording.provider} {recording.kind}{'/stream' if recording.streaming else ''}"
                line = f"{check}/{finding.check} {kind} {recording.id} -> {finding.client}: {finding.problem}"
                outcome = self._explain(line)
                if outcome == "failed":
                    self.failures.append(line)
            self._counts[f"{recording.provider} {recording.kind}", check, finding.client, outcome] += 1

    def _explain(self, line: str) -> str:
        head, _, problems = line.partition(": ")
        reasons = []
        for problem in problems.split("; "):
            reason = next((why for pattern, why in self._explained if pattern.search(f"{head}: {problem}")), None)
            if reason is None:
                return "failed"
            reasons.append(reason)
        self._reasons.update(set(reasons))
        return "explained"

    def show(self, most: int) -> None:
        for failure in self.failures[:most]:
            print(failure)
        for check in CHECKS:
            self._table(check)
        for reason, count in self._reasons.most_common():
            print(f"explained {count:5d}  {reason}")
        totals = collections.Counter()
        for (_, check, _, outcome), count in self._counts.items():
            totals[check, outcome] += count
        for (check, outcome), count in sorted(totals.items()):
            print(f"{check:10s} {outcome:10s} {count}")

    def _table(self, check: str) -> None:
        """Rows: provider and kind. Columns: clients, as passed/failed/explained."""
        rows = sorted({row for row, its, _, _ in self._counts if its == check})
        names = list(dict.fromkeys(client for _, its, client, _ in self._counts if its == check))
        if rows:
            print(f"\n{check}: passed/failed/explained")
        groups = collections.defaultdict(list)
        for row in rows:
            groups[tuple(name for name in names if any((row, check, name, o) in self._counts for o in OUTCOMES))].append(row)
        for columns, members in groups.items():
            print(f"{'':36s}" + "".join(f"{name:>20s}" for name in columns))
            for row in members:
                cells = ["/".join(str(self._counts[row, check, name, outcome]) for outcome in OUTCOMES) for name in columns]
                print(f"{row:36s}" + "".join(f"{cell:>20s}" for cell in cells))


OUTCOMES = ("passed", "failed", "explained")


if __name__ == "__main__":
    sys.exit(main())

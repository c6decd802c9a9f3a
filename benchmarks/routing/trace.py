"""The recorded traffic: benchmarks/routing/trace.csv, one line for each turn of a conversation, token counts and times only.

    python -m benchmarks.routing.trace      makes it anew (always the same one)

Nobody's requests stand in it: it was drawn by this module. The distributions are those of published studies:

    chat     Azure's conversation trace (Patel et al., "Splitwise", ISCA 2024): prompts of 1,020 tokens in the median, answers of
             129.
    code     Azure's coding trace (the same study): prompts of 1,500 tokens in the median, answers of 13.
    agents   Mooncake's conversation trace (Qin et al., 2024): prompts of 6,900 tokens in the median, answers of 350.

Two things are ours: how many turns conversations have, and with them how much of the prompts stood in an earlier one: two thirds
for chats and agents. (In Mooncake's hour 40 % did; it is cut off at both ends.)

Requests come in clumps, as in production (Wang et al., "BurstGPT", 2024: times between requests follow a Gamma distribution with
a shape below 1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from math import log
from pathlib import Path
from random import Random

from benchmarks.routing.traffic import Conversation, Turn

FILE = Path(__file__).parent / "trace.csv"
COLUMNS = ("conversation", "start", "system", "shared", "think", "new", "output")
SECONDS = 900.0
CLUMPED = 0.5
"""The shape of the Gamma distribution."""
KINDS = {
    # share, conversations' turns on average, shared beginnings (first number, how many, tokens), new tokens, answers, thinking
    "chat": (0.5, 2.0, (0, 4, 350), (330.0, 0.9), (129.0, 1.0), 30.0),
    "code": (0.3, 1.0, (10, 2, 300), (1150.0, 0.8), (13.0, 0.9), 1.0),
    "agents": (0.2, 2.5, (20, 4, 2500), (1500.0, 1.1), (350.0, 0.8), 10.0),
}
PER_SECOND = 1.0
"""Conversations."""


def drawn(seed: int = 20_240_601) -> Iterator[tuple[object, ...]]:
    """The lines."""
    random = Random(seed)  # noqa: S311 - a simulation
    at, number = 0.0, 0
    kinds = list(KINDS.values())
    while True:
        at += random.gammavariate(CLUMPED, 1.0 / (CLUMPED * PER_SECOND))
        if at >= SECONDS:
            return
        _, turns, (first, systems, shared), (new, new_spread), (output, output_spread), think = random.choices(
            kinds, [kind[0] for kind in kinds]
        )[0]
        system = first + min(int(random.expovariate(1.0)), systems - 1)
        for turn in range(40):
            if turn and random.random() < 1.0 / turns:
                break
            yield (
                number,
                f"{at:.3f}",
                system,
                shared + 37 * (system - first),
                f"{random.lognormvariate(log(think), 0.8):.2f}",
                max(8, round(random.lognormvariate(log(new), new_spread))),
                max(1, round(random.lognormvariate(log(output), output_spread))),
            )
        number += 1


def write(file: Path = FILE) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(drawn())


@lru_cache(maxsize=1)
def load(file: Path = FILE) -> tuple[Conversation, ...]:
    """The trace's conversations, by their start."""
    lines: dict[str, list[dict[str, str]]] = {}
    with file.open(newline="") as text:
        for line in csv.DictReader(text):
            lines.setdefault(line["conversation"], []).append(line)
    return tuple(
        Conversation(
            f"t{name}",
            float(turns[0]["start"]),
            int(turns[0]["system"]),
            int(turns[0]["shared"]),
            tuple(Turn(float(turn["think"]), int(turn["new"]), int(turn["output"])) for turn in turns),
        )
        for name, turns in lines.items()
    )


if __name__ == "__main__":
    write()

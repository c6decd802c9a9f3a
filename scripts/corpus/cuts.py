"""Ways for the same bytes to arrive."""

from __future__ import annotations

import random
from collections.abc import Iterator

SMALL = 30_000


def rechunked(data: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Names and pieces; not in one piece."""
    if len(data) <= SMALL:
        yield "bytewise", [data[n : n + 1] for n in range(len(data))]
    yield "by sevens", [data[n : n + 7] for n in range(0, len(data), 7)] if len(data) <= 10 * SMALL else [data]
    seeded = random.Random(len(data))  # noqa: S311 - the same cuts every time
    ends = sorted(seeded.randrange(len(data) + 1) for _ in range(20))
    yield "at random", [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]

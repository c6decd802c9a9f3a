"""Every way of cutting bytes into reads."""

from __future__ import annotations

from hypothesis import strategies as st


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """`data` in reads that end at `points` (taken modulo its length), which may repeat: empty reads occur too."""
    ends = sorted(point % (len(data) + 1) for point in points)
    starts = [0, *ends]
    return [data[start:end] for start, end in zip(starts, [*ends, len(data)], strict=True)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


points = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)

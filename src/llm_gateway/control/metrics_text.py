"""Metrics as Prometheus and OpenMetrics write them.

https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/. Written here because it takes 5 ms for ten thousand lines, and a
general renderer 250 ms (tests/control/test_metrics_text.py reads the text with one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from llm_gateway.telemetry.families import FAMILIES, NAMES
from llm_gateway.telemetry.family import Family
from llm_gateway.telemetry.series import bounds_of

Rows = Sequence[tuple[tuple[str, ...], Sequence[float]]]
Data = Mapping[str, Rows]
"""Family -> its rows: the labels' values, and one value; of a histogram how many fell into each bucket, above the last one, and
the sum.
"""
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_HELP = str.maketrans({"\\": "\\\\", "\n": "\\n"})
_LARGE = 1e6
_KNOWN = 32_768
"""Combinations of labels whose text is at hand."""


def rendered(data: Data, buckets: tuple[float, ...], *, openmetrics: bool = False) -> bytes:
    """All families of the table. One without a row is named all the same, unless something would have to be configured for it."""
    lines: list[str] = []
    for family in FAMILIES:
        rows = data.get(family.alias_of or family.name, ())
        if rows or not family.when:
            _family(family, rows, buckets, lines, openmetrics=openmetrics)
    if openmetrics:
        lines.append("# EOF")
    lines.append("")
    return "\n".join(lines).encode()


def _family(family: Family, rows: Rows, buckets: tuple[float, ...], lines: list[str], *, openmetrics: bool) -> None:
    name = family.name.removesuffix("_total") if openmetrics and family.kind == "counter" else family.name
    lines.append(f"# HELP {name} {family.help.translate(_HELP)}")
    lines.append(f"# TYPE {name} {family.kind}")
    several = _projected(family, rows) if family.alias_of else _named(family, rows)
    if family.kind == "histogram":
        les = [f'le="{number(bound)}"}} ' for bound in bounds_of(family, buckets)]
        for labels, values in several:
            _histogram(family.name, labels, values, les, lines)
    else:
        sample = family.name
        for labels, values in several:
            lines.append(f"{sample}{{{labels}}} {values[0]!r}" if labels else f"{sample} {values[0]!r}")


def _named(family: Family, rows: Rows) -> Iterator[tuple[str, Sequence[float]]]:
    names = family.every
    for labels, values in rows:
        yield _labels(names, labels), values


def _projected(family: Family, rows: Rows) -> Iterator[tuple[str, Sequence[float]]]:
    """The rows of the family that this one is an alias of, summed over the labels that this one does not have."""
    places = [NAMES[family.alias_of].every.index(name) for name in family.labels]
    sums: dict[tuple[str, ...], list[float]] = {}
    for labels, values in rows:
        key = tuple([labels[place] for place in places])
        before = sums.get(key)
        sums[key] = list(values) if before is None else [old + new for old, new in zip(before, values, strict=True)]
    for key, total in sums.items():
        yield _labels(family.labels, key), total


@lru_cache(maxsize=_KNOWN)
def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = zip(names, values, strict=False)
    return ",".join([f'{name}="{value if value.isalnum() else value.translate(_ESCAPED)}"' for name, value in pairs if value])


def _histogram(name: str, labels: str, values: Sequence[float], les: list[str], lines: list[str]) -> None:
    inside = f"{name}_bucket{{{labels}," if labels else f"{name}_bucket{{"
    counts = list(accumulate(values[:-1]))
    lines.extend([f"{inside}{le}{count!r}" for le, count in zip(les, counts, strict=False)])
    lines.append(f'{inside}le="+Inf"}} {counts[-1]!r}')
    behind = f"{{{labels}}}" if labels else ""
    lines.append(f"{name}_sum{behind} {values[-1]!r}")
    lines.append(f"{name}_count{behind} {counts[-1]!r}")


def number(bound: float) -> str:
    """A bucket's bound as Go and OpenMetrics write it: 0.5, 1.0, 1.048576e+06."""
    text = repr(float(bound))
    if bound < _LARGE or "e" in text:
        return text
    digits, _, _ = text.partition(".")
    return f"{digits[0]}.{digits[1:]}".rstrip("0").rstrip(".") + f"e+{len(digits) - 1:02d}"

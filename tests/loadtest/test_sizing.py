"""What a load needs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from llm_gateway.loadtest.sizing import Load, cpu_of, figures, needs, thumb

RESULTS = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "RESULTS.md"


def test_the_founding_formula_with_right_maths():
    """C17: the documents' example is 10.3 GB, not 10.5."""
    found = thumb(10_000, 500, 2)
    assert found.in_flight == 5000
    assert found.cores == 50
    assert found.gigabytes == 10.3
    assert found.pods == 25
    assert thumb(10, 500, 2).pods == 3


def test_what_is_computed_with_is_what_was_measured():
    """The figures are those of benchmarks/RESULTS.md, of the same day: nobody wrote them by hand."""
    text, measured = RESULTS.read_text(), figures()
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    whole = next(row for row in rows if row[1:2] == ["1.5 KB chat, whole answer"])
    assert float(whole[3]) == measured.cpu_us.whole
    assert float(whole[-2]) == pytest.approx(measured.cpu_us.control, abs=0.5)
    assert re.search(r"^\d{4}-\d\d-\d\d", text, re.MULTILINE)[0] == measured.cpu["date"]


def test_a_request_like_the_measured_one_costs_what_was_measured():
    """And each thing that it has besides is added."""
    cpu = figures().cpu_us
    plain = Load(1, streams=0, body_kb=1.5, limited=False, redis=False, tls=False)
    assert cpu_of(plain, cpu) == (cpu.whole, cpu.control)
    for change, more in (
        ({"limited": True}, cpu.limited - cpu.whole),
        ({"limited": True, "redis": True}, cpu.redis - cpu.whole),
        ({"tls": True}, cpu.tls - cpu.whole),
        ({"translated": 1.0}, cpu.translated - cpu.whole),
        ({"body_kb": 100.0}, cpu.big - cpu.whole),
        ({"streams": 1.0, "events": 51}, cpu.paced_stream * 51 - cpu.whole),
    ):
        assert cpu_of(msgspec.structs.replace(plain, **change), cpu)[0] == pytest.approx(cpu.whole + more)


def test_twice_the_load_needs_twice_as_much():
    """Processors, memory, disk; pods as well, spare ones and the fewest left out."""
    once, twice = (needs(Load(rate), figures()) for rate in (2000, 4000))
    for name in ("in_flight", "cores", "memory_gb", "ledger_rows_per_day", "database_gb_per_day", "redis_commands_per_second"):
        assert getattr(twice, name) == pytest.approx(2 * getattr(once, name), rel=0.01)
    for small, large in zip(once.sizes, twice.sizes, strict=True):
        assert small.requests_per_second == large.requests_per_second
        assert abs((large.pods - 1) - 2 * (small.pods - 1)) <= 2


def test_pods_carry_the_load_even_without_the_spare_one():
    """For every size, and never fewer than a disruption budget needs."""
    for size in needs(Load(1234), figures()).sizes:
        assert (size.pods - 1) * size.requests_per_second >= 1234
        assert size.pods >= (2 if size.name == "XS" else 3)


def test_memory_can_be_what_limits():
    """Slow answers with large bodies fill small pods; a pod whose processes alone do not fit is no answer."""
    found = needs(Load(10, latency_seconds=600, body_kb=5000, streams=0), figures())
    assert {size.limited_by for size in found.sizes} == {"memory"}
    assert needs(Load(10), figures()).sizes[0].limited_by == "processor"


def test_without_redis_there_are_no_commands():
    """And a day of rows is a day of rows."""
    found = needs(Load(100, redis=False), figures())
    assert found.redis_commands_per_second == 0
    assert found.ledger_rows_per_day == 8_640_000
    assert found.database_gb_kept == pytest.approx(120 * found.database_gb_per_day, rel=0.01)


def test_costs_are_marked_as_an_estimate_with_their_date():
    """Nobody shall take them for an offer."""
    said = " ".join(needs(Load(1), figures()).notes)
    assert re.search(r"Costs are an estimate of \d{4}-\d\d-\d\d", said)

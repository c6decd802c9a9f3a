"""What a worker tells control each second."""

from __future__ import annotations

from llm_gateway.channel.frames import MOST, TELL, frame
from llm_gateway.channel.messages import plain
from llm_gateway.telemetry.report import AT_ONCE, Reporter
from llm_gateway.telemetry.stats import RECENT, Stats


def reporter(stats: Stats) -> Reporter:
    return Reporter(stats, list, dict, dict, lambda: 0)


def test_only_what_is_new_is_told():
    """And everything again to who has heard nothing."""
    stats = Stats()
    told = reporter(stats)
    stats.record("p", "m", 0.5, True, None, 1.0)
    (first,) = told.reports()
    (second,) = told.reports()
    assert [(change.model, change.requests, change.attempts) for change in first.changes] == [("m", 1, [(1.0, 0.5, True)])]
    assert second.changes == []
    told.anew()
    assert next(told.reports()).changes == first.changes


def test_however_much_there_is_each_report_fits_a_frame():
    """Many models with all the attempts that are kept."""
    stats = Stats()
    for model in range(3 * AT_ONCE + 1):
        for number in range(RECENT):
            stats.record("provider", f"model-with-a-long-name-{model}", number / 7, number % 3 == 0, "timeout", 1000.0 + number)
    reports = list(reporter(stats).reports())
    assert len(reports) == 4
    assert sum(len(report.changes) for report in reports) == 3 * AT_ONCE + 1
    assert max(len(frame(TELL, ["report", plain(report)])) for report in reports) < MOST // 2

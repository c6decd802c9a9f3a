"""Alerts of budgets."""

from __future__ import annotations

from limits_support import meter
from llm_gateway.limits.alerts import MOST, Alert, Alerts

LIMIT = meter("cost", 1000, 0.0, calendar="day", alerts=(50, 80, 100))


def test_each_threshold_once_in_a_period():
    """However often a budget is charged, and all that were passed at once are told in order."""
    sent: list[Alert] = []
    alerts = Alerts(sent.append)
    for spent in (400, 500, 510, 990, 1000, 1500):
        alerts(LIMIT, spent, 0.0, 86400.0)
    assert [(one.percent, one.spent) for one in sent] == [(50, 500), (80, 990), (100, 1000)]
    alerts(LIMIT, 900, 86400.0, 172800.0)
    assert [one.percent for one in sent[3:]] == [50, 80]
    alerts(LIMIT, 900, 0.0, 86400.0)  # the clock was set back
    assert len(sent) == 5


def test_an_alert_has_a_name_of_its_own():
    """By which whoever sends it on knows that it was sent: of budget, period and threshold."""
    sent: list[Alert] = []
    for _ in range(2):
        Alerts(sent.append)(LIMIT, 500, 0.0, 86400.0)
    assert sent[0].id == sent[1].id == "key:k:cost:day:0:50"
    assert (sent[0].begins, sent[0].ends, sent[0].limit, sent[0].hard) == (0, 86_400_000, 1000, True)


def test_a_total_has_neither_beginning_nor_end():
    """Its times are -1."""
    sent: list[Alert] = []
    Alerts(sent.append)(LIMIT, 500, float("-inf"), float("inf"))
    assert (sent[0].begins, sent[0].ends) == (-1, -1)


def test_what_is_remembered_is_bounded():
    """Of so many budgets the oldest are forgotten; they would be told again under the same id."""
    alerts = Alerts(lambda _alert: None)
    for number in range(MOST + 5):
        alerts(meter("cost", 1, 0.0, calendar="day", alerts=(50,), key=str(number)), 1, 0.0, 1.0)
    assert len(alerts._told) == MOST

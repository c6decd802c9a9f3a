"""Which budgets a row counts for."""

from __future__ import annotations

import pytest

from control.ledger.books import NOON, row
from llm_gateway.control.ledger.subjects import Subject, groups_of, owners_of, subject_of
from llm_gateway.limits.meter import Meter
from llm_gateway.store.spending import Whose


@pytest.mark.parametrize("name", ["k", "acme/web", "acme:cost:x", "a@b", "*"])
@pytest.mark.parametrize("calendar", ["day", "week", "month", "total"])
def test_a_subjects_text_says_all_of_it(name: str, calendar: str) -> None:
    """Whatever owners are called, what is read back is what was written, and its key is the meter's."""
    meter = Meter("tag", name, "cost", 1, calendar=calendar, timezone="Europe/Berlin")  # type: ignore[arg-type]
    subject = Subject("tag", name, calendar, "Europe/Berlin", meter.key)  # type: ignore[arg-type]
    assert subject_of(subject.text) == subject


@pytest.mark.parametrize("text", ["", "x", "key:k:requests:60@UTC", "key:k:cost:hour@UTC", "key::cost:day@UTC"])
def test_what_is_no_budget(text: str) -> None:
    """Nothing is folded for a text that nobody here wrote."""
    assert subject_of(text) is None


def test_a_second_budget_of_the_same_owner_is_another_one() -> None:
    """Its key has a number behind it."""
    found = subject_of("key:k:cost:day#2@UTC")
    assert found == Subject("key", "k", "day", "UTC", "key:k:cost:day#2")


def test_periods_are_those_of_the_calendar() -> None:
    """Milliseconds; a budget that never begins anew has the period 0 and no end."""
    day = Subject("key", "k", "day", "America/New_York", "")
    start = day.period(NOON * 1000)
    assert (start, day.end(start)) == ((NOON - 7 * 3600) * 1000, (NOON + 17 * 3600) * 1000)
    total = Subject("key", "k", "total", "UTC", "")
    assert (total.period(NOON * 1000), total.end(0)) == (0, None)


def test_a_row_counts_for_all_that_it_belongs_to() -> None:
    """Its key's first predecessor, project, tenant, tags, end user and everyone."""
    assert list(groups_of(row("x", tags=("b", "b")), {"k1": "k0"})) == [
        "everyone:*",
        "key:k0",
        "tag:b",
        "tenant:acme",
        "project:acme/web",
        "user:k0:ada",
        "user:acme:ada",
        "user:acme/web:ada",
    ]


def test_what_is_nobodys_counts_for_nobody() -> None:
    """A mirrored request has no key."""
    assert list(groups_of(row("x", key=""), {})) == []


def test_keys_that_followed_each_other_are_one_owner() -> None:
    """However many there were; a circle, which there cannot be, ends."""
    owners, owned = owners_of([("b", "a"), ("c", "b"), ("x", "y"), ("y", "x")])
    assert (owners["b"], owners["c"]) == ("a", "a")
    assert owned["a"] == ("a", "b", "c")


def test_rows_of_a_subject() -> None:
    """What is asked of the store."""
    owned = {"a": ("a", "b")}
    made = {
        scope: Subject(scope, name, "day", "UTC", "").whose(owned)
        for scope, name in (("tenant", "t"), ("project", "t/p"), ("key", "a"), ("tag", "x"), ("user", "a:u:v"), ("everyone", "*"))
    }
    assert made == {
        "tenant": Whose(tenant="t"),
        "project": Whose(tenant="t", project="p"),
        "key": Whose(keys=("a", "b")),
        "tag": Whose(tag="x"),
        "user": Whose(user="u:v", owner=("a", ("a", "b"))),
        "everyone": Whose(),
    }

"""Whoever meets an error finds what it means, whose fault it is, and what to do."""

from __future__ import annotations

import re

from documents import SOURCE, error_codes, page, reasons
from llm_gateway.core import errors

WHO = {"caller", "operator", "provider", "gateway", "identity provider", "nobody"}
WORDS = "### Why an attempt failed"


def entries() -> dict[str, tuple[str, str, str, str]]:
    """Each code of OPERATIONS.md with its status, who, meaning and advice."""
    part = page("docs/OPERATIONS.md").partition("## Every error code")[2].partition(WORDS)[0]
    rows = re.findall(r"^\| (`.*?`) \| (.*?) \| (.*?) \| (.*) \| (.*) \|$", part, re.MULTILINE)
    return {code: (status, who, means, do) for codes, status, who, means, do in rows for code in re.findall(r"`(\w+)`", codes)}


def test_every_error_code_says_what_to_do() -> None:
    """OPERATIONS.md has a row for each code that the gateway can answer, with whose fault it is and what to do."""
    found = entries()
    codes = error_codes()
    assert {"replayed_signature", "precondition_failed", "queue_full", "ledger_full", "model_in_use", "invalid_top_k"} <= codes
    assert sorted(codes - set(found)) == []
    assert [code for code, (_, who, means, do) in found.items() if not (set(who.split(", ")) <= WHO and means and do)] == []


def test_no_code_is_explained_that_there_is_not() -> None:
    """Each code in those tables is one of these, or at least written somewhere in the source."""
    source = "".join(file.read_text() for file in SOURCE.rglob("*.py"))
    assert [code for code in set(entries()) - error_codes() if f'"{code}"' not in source] == []


def test_statuses_are_those_of_the_tree() -> None:
    """A code that a class of the error tree has by itself stands there with that class's status."""
    found = entries()
    classes = [made for made in vars(errors).values() if isinstance(made, type) and issubclass(made, errors.GatewayError)]
    assert len(classes) > 20
    assert [f"{made.code}: {made.status}" for made in classes if str(made.status) not in found[made.code][0]] == []


def test_every_reason_of_a_failed_attempt_is_explained() -> None:
    """The words of logs and of gateway_provider_errors_total have a row that says where to look."""
    table = page("docs/OPERATIONS.md").partition(WORDS)[2].partition("\n## ")[0]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    words = reasons()
    assert {"idle_timeout", "tls", "in_band", "differs", "quota"} <= words
    assert sorted(words - explained) == []

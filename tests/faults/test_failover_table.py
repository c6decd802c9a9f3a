"""docs/FAILOVER.md says what callers see of each class of failure: it is written from the table that test_failover_classes.py holds the
gateway to. `WRITE_DOCS=1` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from faults.classes import FAILURES, Failure

PAGE = Path(__file__).parents[2] / "docs" / "FAILOVER.md"
HEAD = """# What callers see when providers fail

Written by `WRITE_DOCS=1 python -m pytest tests/faults/test_failover_table.py` from the table in `tests/faults/classes.py`.
`tests/faults/test_failover_classes.py` holds a running gateway to every cell: both fronts, streamed and whole, providers of both
dialects, alone and with one or two others of the same model or of another one.

"An answer" is the whole answer, once, from the first deployment that can give it. How a stream that has begun goes on is said in
[STREAM-CONTRACT.md](STREAM-CONTRACT.md).

| failure | in logs | nobody else: OpenAI client | nobody else: Anthropic client | streamed, nobody else | somebody else |
|---|---|---|---|---|---|
"""


def row(failure: Failure) -> str:
    openai, anthropic = failure.status
    words = " or ".join(f"`{word}`" for word in failure.reason.split())
    streamed = "an error event after the text, never an end" if failure.shown else "the same status"
    if not failure.helps:
        helped = "the same: one attempt, unless the route has `around_content_filter`"
    elif failure.shown:
        helped = "an answer; a stream that has shown text goes on where the route has `on_cut: continue`"
    else:
        helped = "an answer"
    return f"| {failure.about} | {words} | {openai} `{failure.code}` | {anthropic} | {streamed} | {helped} |"


def page() -> str:
    return HEAD + "\n".join(map(row, FAILURES.values())) + "\n"


def test_the_page_is_the_table() -> None:
    """What is documented is what is tested."""
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()

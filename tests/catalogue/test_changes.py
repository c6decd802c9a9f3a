"""What an update brings."""

from __future__ import annotations

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.changes import changes
from llm_gateway.catalogue.format import read


def test_new_gone_and_other_prices() -> None:
    """By provider type and model; a new limit or name alone is no other price, a new batch price is."""
    same = entry("same", prices=priced())
    batch = [{"tier": "batch", "rates": {"input": 1}}]
    before = read(book(same, entry("gone"), entry("dearer", prices=priced(1)), entry("batch", prices=priced())))
    after = read(
        book(
            {**same, "context": 5},
            entry("dearer", prices=priced(2)),
            entry("batch", prices=priced(), variants=batch),
            groq=[same],
        )
    )
    assert changes(before, after) == (("groq/same",), ("openai/gone",), ("openai/batch", "openai/dearer"))
    assert changes(after, after) == ((), (), ())

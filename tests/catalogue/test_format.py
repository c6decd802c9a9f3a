"""The catalogue's file: what is read, and what is refused with a text that helps."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.books import book, entry
from llm_gateway.catalogue.format import FORMAT, LARGEST, Unusable, checked, entries, read


def test_a_book_is_read_shelf_by_shelf() -> None:
    """The whole file first, the models of a shelf when they are wanted."""
    made = checked(read(book(entry("m", prices=[{"rates": {"input": 5}}]))))
    (model,) = entries(made.providers["openai"])
    assert (model.id, model.prices[0].rates.input, model.prices[0].rates.output) == ("m", 5, None)


@pytest.mark.parametrize(("number", "whose"), [(FORMAT - 1, "an older"), (FORMAT + 1, "a newer")])
def test_another_format_is_told_apart_from_damage(number: int, whose: str) -> None:
    """Even if nothing else of it can be read: which format it is, which is wanted, and what to do."""
    with pytest.raises(Unusable, match=rf"format {number}, made for {whose} llm-gateway.*format {FORMAT}.*scripts/catalogue\.py"):
        read(msgspec.json.encode({"format": number, "models": []}))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'{"format":"1"}', b'{"format":2}', b"\xff\xfe{}", b"[" * 100_000, b'{"format":1e999}'],
)
def test_what_is_no_catalogue(data: bytes) -> None:
    """Refused as such, whatever it is."""
    with pytest.raises(Unusable, match="is not a catalogue"):
        read(data)


def test_a_file_that_is_too_large() -> None:
    """Refused by its size, before anything is read of it."""
    with pytest.raises(Unusable, match=f"larger than {LARGEST} bytes"):
        read(b" " * (LARGEST + 1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"surprise": 1}, "surprise"),
        ({"prices": [{"rates": {"inptu": 1}}]}, "inptu"),
        ({"prices": [{"rates": {"input": 1.5}}]}, "input"),
        ({"prices": [{"rates": {"input": -1}}]}, ">= 0"),
        ({"prices": [{"rates": {"input": 1 << 60}}]}, "<="),
        ({"prices": [{"rates": {"input": [1, 2]}}]}, "length"),
        ({"prices": [{"rates": {"input": [1, 2, 3, 4]}}]}, "do not rise"),
        ({"prices": [{"rates": {"input": [1, 9, 3, 9, 4]}}]}, "do not rise"),
        ({"prices": [{"rates": {}, "since": "soon"}]}, "date"),
        ({"prices": [{"rates": {"image": {"low": 1}}}]}, "length"),
        ({"prices": [{"rates": {"image": {"low": -1, "high": 2}}}]}, ">= 0"),
        ({"prices": [{"rates": {"input": {"low": 1, "high": 2}}}]}, "input"),
        ({"units": [{"rates": {"image": 1}}]}, "tier"),
        ({"context": 0}, ">= 1"),
        ({"id": ""}, "length"),
        ({"ids": ["x" * 300]}, "length"),
    ],
)
def test_an_entry_that_is_wrong(change: dict[str, Any], why: str) -> None:
    """One wrong member anywhere, and the whole file is refused: nothing is read and then ignored."""
    with pytest.raises(Unusable, match=why):
        checked(read(book({**entry("m"), **change})))


def test_books_that_contradict_themselves() -> None:
    """The same model twice, a type that resells one that is not there, and no models at all."""
    with pytest.raises(Unusable, match="model m of openai twice"):
        checked(read(book(entry("m"), entry("m"))))
    with pytest.raises(Unusable, match="fall back on nobody"):
        checked(read(book(entry("m"), fallback=["nobody"])))
    with pytest.raises(Unusable, match="no models"):
        checked(read(book()))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damage_is_never_anything_but_unusable(noise: bytes, place: int) -> None:
    """A file with some of its bytes replaced is read, or refused in words."""
    good = book(entry("m", prices=[{"rates": {"input": 5, "output": [1, 2, 3]}, "since": "2026-01-01"}]))
    data = good[:place] + noise + good[place + len(noise) :]
    with suppress(Unusable):
        checked(read(data))

"""Which price is meant by what is known of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.catalogue.choices import among, pixels, words

VIDEO = {"": 4, "4k": 6}
IMAGES = {"": 6, "low/1024x1024": 4}
WORDS = ("low", "high", "1024x1024", "512x512", "720p", "4k", "50-steps")
TABLES = st.dictionaries(
    st.one_of(st.just(""), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("/".join)), st.integers(0, 9), min_size=1
)


def test_words_of_a_request() -> None:
    """In lower case; auto says nothing; a size is a resolution too."""
    assert words(["High", " 1280x720 ", "auto", ""]) == {"high", "1280x720", "720p"}
    assert words(["3840x2160"]) == {"3840x2160", "2160p", "4k"}


@pytest.mark.parametrize(
    ("table", "known", "found"),
    [
        (VIDEO, {"4k"}, (6, True)),
        (VIDEO, {"3840x2160"}, (6, True)),
        (VIDEO, {"1280x720"}, (4, True)),
        (VIDEO, {"720p"}, (4, True)),
        (VIDEO, {"1k"}, (4, True)),
        (VIDEO, set(), (6, False)),
        (IMAGES, {"low"}, (6, False)),
        (IMAGES, {"low", "1024x1024"}, (4, True)),
        (IMAGES, {"high"}, (6, True)),
        ({"low": 1, "high": 2, "low/1024x1024": 3}, {"low", "1024x1024"}, (3, True)),
        ({"low": 5, "1024x1024": 3}, {"low", "1024x1024"}, (5, False)),
        ({"low": 5, "high": 5}, set(), (5, True)),
        ({"low": 1, "high": 2}, {"medium"}, (2, False)),
    ],
)
def test_the_price_that_is_meant(table: dict[str, int], known: set[str], found: tuple[int, bool]) -> None:
    """The one whose words are all known; else the highest that is possible, and no claim to know it."""
    assert among(table, words(known)) == found


@given(TABLES, st.sets(st.sampled_from(WORDS)))
def test_nothing_is_charged_too_low(table: dict[str, int], known: set[str]) -> None:
    """It is one of the table's prices; with nothing known it is the highest, and certain only if there is no other."""
    assert among(table, words(known))[0] in table.values()
    highest, only = among(table, frozenset())
    assert highest == max(table.values())
    assert only == (len(set(table.values())) == 1)


def test_pixels() -> None:
    """Of one size; of two nobody knows which."""
    assert (pixels(words(["640x480"])), pixels(frozenset()), pixels(words(["1x1", "2x2"]))) == (307_200, 0, 0)

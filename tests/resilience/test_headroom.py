"""Rate limit headers of providers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.resilience.headroom import LONGEST, USUAL, Headroom, headroom, tells
from llm_gateway.routing.standing import UNKNOWN

WALL = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def openai(requests: bytes, tokens: bytes, first: bytes | None, second: bytes | None) -> dict[bytes, bytes]:
    said = {
        b"x-ratelimit-remaining-requests": requests,
        b"x-ratelimit-remaining-tokens": tokens,
        b"x-ratelimit-reset-requests": first,
        b"x-ratelimit-reset-tokens": second,
    }
    return {name: value for name, value in said.items() if value is not None}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (openai(b"59", b"149984", b"1s", b"1m30s"), Headroom(59.0, 149984.0, 90.0)),
        (openai(b"59", b"149984", b"120ms", b"8.64s"), Headroom(59.0, 149984.0, 8.64)),
        (openai(b"0", b"10", b"1h0m0s", b"6m0s"), Headroom(0.0, 10.0, LONGEST)),
        (openai(b"3", b"-1", None, None), Headroom(3.0, UNKNOWN, USUAL)),  # Azure: no limit on tokens
        (openai(b"3", b"5", b"12", b"60"), Headroom(3.0, 5.0, 60.0)),  # Azure: plain seconds
        (openai(b"3", b"5", b"soon", b"1s1"), Headroom(3.0, 5.0, USUAL)),
        (
            {
                b"anthropic-ratelimit-requests-remaining": b"49",
                b"anthropic-ratelimit-tokens-remaining": b"39000",
                b"anthropic-ratelimit-requests-reset": b"2026-01-01T00:00:05Z",
                b"anthropic-ratelimit-tokens-reset": b"2026-01-01T00:00:20Z",
            },
            Headroom(49.0, 39000.0, 20.0),
        ),
        ({b"anthropic-ratelimit-tokens-remaining": b"7"}, Headroom(UNKNOWN, 7.0, USUAL)),
        (
            {b"anthropic-ratelimit-tokens-remaining": b"7", b"anthropic-ratelimit-tokens-reset": b"2026-01-01T00:00:05"},
            Headroom(UNKNOWN, 7.0, USUAL),
        ),
        (openai(b"many", b"", None, None), None),
        ({b"x-ratelimit-remaining-requests": b"nan"}, None),
        ({b"x-ratelimit-remaining-requests": b"1e999"}, None),
        ({b"content-type": b"application/json"}, None),
    ],
)
def test_what_they_say(headers: dict[bytes, bytes], said: Headroom | None) -> None:
    """In the forms of OpenAI, Azure and Anthropic; what cannot be read is as if it were not there."""
    assert headroom(headers, WALL) == said


def test_a_glance_tells_whether_to_read() -> None:
    """Most answers have none of these headers; names come in any case."""
    assert tells(b"HTTP/1.1 200 OK\r\nX-RateLimit-Remaining-Tokens: 1\r\n\r\n")
    assert tells(b"HTTP/1.1 200 OK\r\nanthropic-ratelimit-tokens-remaining: 1\r\n\r\n")
    assert not tells(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")


@given(st.lists(st.binary(max_size=50), min_size=8, max_size=8))
def test_no_header_breaks_it(values: list[bytes]) -> None:
    """Numbers in bounds or nothing, whatever the provider sends."""
    for names in (
        ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}"),
        ("anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset"),
    ):
        headers = {
            form.format(of).encode(): value for form in names for of, value in zip(("requests", "tokens"), values, strict=False)
        }
        said = headroom(headers, WALL)
        if said is not None:
            assert all(math.isfinite(number) and number >= UNKNOWN for number in said)
            assert 0.0 <= said.seconds <= LONGEST

"""Durations, sizes, secrets and the choice of a proxy."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.values import Duration, Money, ProxyChoice, Secret, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("0", 0), (0, 0), ("1.5s", 1.5), ("0s", 0)],
)
def test_a_duration_is_seconds_as_a_float(text: object, seconds: float) -> None:
    """Every unit is read, and the value can be used where a float is wanted."""
    assert Duration.parse(text) == seconds
    assert isinstance(Duration.parse(text), float)


@pytest.mark.parametrize(
    "text", [30, 1.5, "30", "", "s", "30 s", "-1s", "1s1", "5 minutes", "1e3s", None, True, False, [], "9999999d", "٣s"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    """Numbers without a unit are not guessed at."""
    with pytest.raises(ValueError, match="duration"):
        Duration.parse(text)


@given(st.integers(min_value=0, max_value=366 * 86_400_000))
def test_a_duration_is_written_as_it_can_be_read(milliseconds: int) -> None:
    """str gives a text that means the same."""
    duration = Duration(milliseconds / 1000)
    assert abs(Duration.parse(str(duration)) - duration) < 1e-9


@pytest.mark.parametrize(
    ("text", "count"), [("10MB", 10 << 20), ("1.5GB", 3 << 29), ("512kb", 512 << 10), ("7B", 7), (7, 7), ("7", 7), (0, 0)]
)
def test_a_size_is_bytes_as_an_int(text: object, count: int) -> None:
    """KB is 1,024 bytes; a bare number is bytes."""
    assert Size.parse(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1", -1, "1TB", "1.3B", "1 MB", 1.5, True, None, 1 << 50, "99999999GB"])
def test_what_is_no_size_is_refused(text: object) -> None:
    """Fractions of a byte and more than 1,024 GB included."""
    with pytest.raises(ValueError, match=r"size|bytes"):
        Size.parse(text)


@given(st.integers(min_value=0, max_value=1 << 40))
def test_a_size_is_written_as_it_can_be_read(count: int) -> None:
    """str gives a text that means the same."""
    assert Size.parse(str(Size(count))) == count


@pytest.mark.parametrize(
    ("text", "nano"),
    [("2.5", 2_500_000_000), (2.5, 2_500_000_000), (3, 3_000_000_000), ("0.000000001", 1), (1e-9, 1), (0.1, 100_000_000), (0, 0)],
)
def test_money_is_whole_nano_dollars(text: object, nano: int) -> None:
    """A number of the file means the digits that were written, not their nearest binary fraction."""
    assert Money.parse(text) == nano
    assert type(Money.parse(text)) is Money


@pytest.mark.parametrize(
    "text", ["", "-1", -1, "1e3", "1,5", "$2", "0.0000000001", 1e-10, 1e7, "1000000", float("nan"), float("inf"), True, None, "٣"]
)
def test_what_is_no_money_is_refused(text: object) -> None:
    """Parts of a nano-dollar, millions, and whatever is no plain number."""
    with pytest.raises(ValueError, match="dollars"):
        Money.parse(text)


@given(st.integers(min_value=0, max_value=999_999 * 10**9))
def test_money_is_written_as_it_can_be_read(nano: int) -> None:
    """str gives a text that means the same."""
    assert Money.parse(str(Money(nano))) == nano


def test_a_secret_shows_only_when_asked() -> None:
    """No way of printing or encoding it gives the text."""
    secret = Secret.parse("sk-very-secret")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>9}",
        repr([secret]),
        msgspec.json.encode(secret, enc_hook=str).decode(),
    ]
    assert not any("very" in text for text in shown)
    assert secret.reveal() == "sk-very-secret"
    assert secret == Secret("sk-very-secret")
    assert secret != Secret("other")


@pytest.mark.parametrize("text", ["", " x", "x\n", "a\r\nb", "\x00", "schlüssel", 7, None])
def test_a_secret_that_no_header_can_carry_is_refused(text: object) -> None:
    """The text of the error does not repeat it."""
    with pytest.raises(ValueError) as caught:
        Secret.parse(text)
    assert "schl" not in str(caught.value)


def test_the_password_of_a_proxy_stays_hidden() -> None:
    """The host is shown, the credentials are not."""
    proxy = ProxyChoice.parse("http://user:hunter22@proxy:3128")
    assert str(proxy) == "http://***@proxy:3128"
    assert "hunter22" not in repr(proxy)
    assert proxy.reveal() == "http://user:hunter22@proxy:3128"


@pytest.mark.parametrize("text", ["", "on", "https://proxy", "proxy:3128", "http://", "http://p:x", "http://p/path", 5, None])
def test_what_is_no_proxy_is_refused(text: object) -> None:
    """Only env, none and http:// without a path."""
    with pytest.raises(ValueError, match="expected env, none"):
        ProxyChoice.parse(text)

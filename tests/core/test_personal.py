"""What is hidden in free text, what is left, and how long it takes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.personal import good_iban, mask

HIDDEN = {
    "sk-proj-0123456789abcdef": "[key]",
    "AKIAIOSFODNN7EXAMPLE": "[key]",
    "ghp_0123456789abcdefghij": "[key]",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln": "[key]",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----": "[key]",
    "Bearer abcdefghijklmnop": "Bearer [key]",
    'api_key: "hunter22"': 'api_key: "[key]"',
    "password=hunter22": "password=[key]",
    '{"token": "hunter22"}': '{"token": "[key]"}',
    "postgres://user:hunter22@db/x": "postgres://[key]@db/x",
    "https://x.test/a?X-Amz-Signature=0123abcd&b=1": "https://x.test/a?X-Amz-Signature=[key]&b=1",
    "ann.o'neil+x@mail.example.com": "[email]",
    "müller@bücher.example": "[email]",
    "4111 1111 1111 1111": "[card]",
    "4111-1111-1111-1111": "[card]",
    "378282246310005": "[card]",
    "DE89 3704 0044 0532 0130 00": "[iban]",
    "gb82west12345698765432": "[iban]",
    "+49 30 901820": "[phone]",
    "+1 (415) 555-0132": "[phone]",
    "415-555-0132": "[phone]",
    "030/901820-11": "[phone]",
}
LEFT = (
    "1234567890123456",  # not Luhn's
    "DE88370400440532013000",  # wrong check digits
    "on 01-02-2026 at 10:30",
    "version 1.25.3.4",
    "12345",
    "a@b",
    "the token is short: see below",
    "0.0625 and 3.141592653589793",
    "Keys open doors.",
)


@pytest.mark.parametrize(("text", "shown"), HIDDEN.items(), ids=range(len(HIDDEN)))
@pytest.mark.parametrize("frame", ["{}", "It is {}", "one {} and more", "<{}>"])
def test_what_is_hidden(text: str, shown: str, frame: str) -> None:
    """Alone and between other words, even such as could be more of it."""
    assert mask(frame.format(text)) == frame.format(shown)


@pytest.mark.parametrize("text", LEFT)
def test_what_is_left(text: str) -> None:
    """A shape alone is not enough where a check digit decides; dates and numbers stay."""
    assert mask(text) == text


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B, as it is written."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


@given(st.text(alphabet="0123456789", min_size=12, max_size=18))
def test_every_number_that_passes_luhn_is_hidden(digits: str) -> None:
    """The right check digit makes a card of any 13 to 19 digits, however they are grouped."""
    number = next(digits + check for check in "0123456789" if luhn(digits + check))
    assert mask(f"x {number} y") == "x [card] y"
    assert "[card]" in mask(" ".join(number[at : at + 4] for at in range(0, len(number), 4)))


@given(st.text(alphabet="0123456789ABCDEF", min_size=11, max_size=30), st.sampled_from(["DE", "GB", "FR", "NO"]))
def test_every_account_with_right_check_digits_is_hidden(rest: str, country: str) -> None:
    """ISO 13616: 98 less the rest of the number with 00 in their place."""
    value = int("".join(str(int(character, 36)) for character in f"{rest}{country}00"))
    account = f"{country}{98 - value % 97:02d}{rest}"
    assert good_iban(account)
    assert mask(account) == "[iban]"


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "a.", "a@", "eyJ", "sk-", "://", "token=", "+1", "0-", "DE12", "(", "-----BEGIN PRIVATE KEY-----", "4111 "],
)
def test_no_text_takes_long(piece: str) -> None:
    """Time grows with the length: 128 KB of what a pattern likes most take no longer than a second or two."""
    text = piece * ((128 << 10) // len(piece))
    began = time.process_time()
    mask(text)
    assert time.process_time() - began < 3

"""Hides in free text what looks like a secret or like a person's: keys, passwords, e-mail, cards, accounts, telephones.

Patterns know shapes, not meanings: a name or a street is text like any other. Each one is bounded or anchored, so that time
grows with the length of the text and no faster. Where a check digit decides (Luhn, ISO 7064 mod 97-10), it is computed.
"""

from __future__ import annotations

import re
from itertools import accumulate

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY-----)?",
)
_KEY = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:
        (?:sk|pk|rk|gsk|hf|ghp|gho|ghu|ghs|ghr|glpat|npm|pypi|xai|pplx|r8|shpat|whsec)[-_][A-Za-z0-9_-]{8,512}
      | github_pat_[A-Za-z0-9_]{8,512}
      | xox[abeprs]-[A-Za-z0-9-]{8,512}
      | AIza[A-Za-z0-9_-]{20,128}
      | (?:AKIA|ASIA)[A-Z0-9]{12,128}
      | eyJ[A-Za-z0-9_-]{6,8192}\.[A-Za-z0-9_-]{2,8192}(?:\.[A-Za-z0-9_-]{0,8192})?
    )""",
    re.VERBOSE,
)
_BEARER = re.compile(r"(?i)(?<![a-z])(bearer|basic)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,8192}")
_NAMED = re.compile(
    r"""(?i)(passw(?:or)?d|passphrase|secret|api[_ -]?key|access[_ -]?key|private[_ -]?key|authorization|token|signature|sig)
        (["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)[^\s"',;&}<>]{4,512}""",
    re.VERBOSE,
)
_IN_URL = re.compile(r"(://)[^/@\s]{1,512}(?=@)")
_EMAIL = re.compile(r"[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_DIGITS = re.compile(r"\d(?:[ .\u00a0\u2011-]?\d){12,}")
_GROUP = re.compile(r"\d+")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,40}")
_PHONE = re.compile(
    r"""(?<![\w.])(?:
        (?:\+|00)[1-9](?:[ ().\u00a0/-]{0,2}\d){6,14}
      | \(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}
      | 0\d{1,4}[ ./-]{1,2}\d{2,8}(?:[ ./-]?\d{1,8}){0,4}
    )(?!\w)""",
    re.VERBOSE,
)
_LEAST_CARD, _MOST_CARD = 13, 19
_LEAST_IBAN, _MOST_IBAN = 15, 34
_LEAST_PHONE = 9
_ZERO = "0"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""Twice a digit, the digits of that summed."""


def mask(text: str) -> str:
    """`text` with `[key]`, `[email]`, `[card]`, `[iban]` and `[phone]` where such a thing stood."""
    text = _PEM.sub("[key]", text)
    text = _BEARER.sub(r"\1 [key]", text)
    text = _KEY.sub("[key]", text)
    text = _IN_URL.sub(r"\1[key]", text)
    text = _NAMED.sub(r"\1\2[key]", text)
    text = _EMAIL.sub("[email]", text)
    text = _IBAN.sub(_iban, text)
    text = _DIGITS.sub(_cards, text)
    return _PHONE.sub(_phone, text)


def _cards(found: re.Match[str]) -> str:
    """A row of digits, with what passes Luhn's check hidden: a card may stand before a date or behind a number."""
    text = found[0]
    groups = [(part.start(), part.end()) for part in _GROUP.finditer(text)]
    ends = list(accumulate(end - start for start, end in groups))
    sums = _sums([int(character) for character in text if character.isdigit()])
    out, shown, first = [], 0, 0
    while first < len(groups):
        begin, last = ends[first - 1] if first else 0, -1
        for at in range(first, len(groups)):
            end = ends[at]
            if end - begin > _MOST_CARD:
                break
            if end - begin >= _LEAST_CARD and not (sums[end % 2][end] - sums[end % 2][begin]) % 10:
                last = at
        if last >= 0:
            out += [text[shown : groups[first][0]], "[card]"]
            shown, first = groups[last][1], last
        first += 1
    return "".join([*out, text[shown:]])


def _sums(digits: list[int]) -> tuple[list[int], list[int]]:
    """Luhn's sums up to each place: with the digits at even places doubled, and with those at odd ones."""
    even = accumulate((_DOUBLED[digit] if not at % 2 else digit for at, digit in enumerate(digits)), initial=0)
    odd = accumulate((_DOUBLED[digit] if at % 2 else digit for at, digit in enumerate(digits)), initial=0)
    return list(even), list(odd)


def _iban(found: re.Match[str]) -> str:
    """What follows an account number may look like more of it: the longest beginning whose check digits are right counts."""
    text = found[0]
    places = [at for at, character in enumerate(text) if character.isalnum()]
    compact = "".join(text[at] for at in places).upper()
    for length in range(min(len(compact), _MOST_IBAN), _LEAST_IBAN - 1, -1):
        end = places[length - 1] + 1
        behind = found.string[found.start() + end : found.start() + end + 1]
        if not behind.isalnum() and good_iban(compact[:length]):
            return "[iban]" + text[end:]
    return text


def good_iban(compact: str) -> bool:
    """Check digits of ISO 13616: moved to the end, letters as 10 to 35, the rest by 97 is 1."""
    if not compact.isascii():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _phone(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == _ZERO and sum(character.isdigit() for character in text) < _LEAST_PHONE:
        return text  # a date, a version
    return "[phone]"

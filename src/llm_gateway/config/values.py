"""The values that configuration has beside plain text and numbers: durations, sizes, money, secrets, the choice of a proxy ...

Each class reads what a person writes (`parse`, raising ValueError with a text that never repeats the value) and writes it
back in the same notation (`str`).
"""

from __future__ import annotations

import hmac
import re
from decimal import Decimal
from typing import ClassVar, Protocol, Self
from urllib.parse import urlsplit

from llm_gateway.core.processors import processors

_DURATION_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # in milliseconds
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)", re.ASCII)
_LONGEST = 366 * 86_400.0
_SIZE_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)(B|KB|MB|GB)", re.IGNORECASE | re.ASCII)
_LARGEST = 1 << 40
_LONGEST_TEXT = 64 << 10
_MOST_WORKERS = 256

DURATION_PATTERN = r"^0$|^(\d+(\.\d+)?(ms|s|m|h|d))+$"
SIZE_PATTERN = r"^\d+(\.\d+)?([Bb]|[Kk][Bb]|[Mm][Bb]|[Gg][Bb])$"
WORKERS_PATTERN = r"^(auto|[1-9]\d{0,2})$"
MONEY_PATTERN = r"^\d{1,6}(\.\d{1,9})?$"
PROXY_PATTERN = r"^(env|none|http://\S+)$"


class Written(Protocol):
    """A value class of this module."""

    pattern: ClassVar[str]
    """Regular expression of what is accepted, for editors. Empty: any text."""

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError, whose text does not repeat what was given."""
        ...


class Duration(float):
    """Seconds. Written `250ms`, `30s`, `5m`, `1h30m`, `2d`; `0` needs no unit."""

    pattern: ClassVar[str] = DURATION_PATTERN

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for anything but a duration between 0 and 366 days."""
        if isinstance(given, Duration):
            return cls(given)
        if given == 0 and not isinstance(given, bool):
            return cls(0)
        if isinstance(given, int | float) and not isinstance(given, bool):
            raise ValueError("a duration needs a unit, for example 250ms, 30s or 5m")  # noqa: TRY004 - as documented
        text = given.strip() if isinstance(given, str) else ""
        if text == "0":
            return cls(0)
        total, end = 0.0, 0
        while match := _DURATION_PART.match(text, end):
            total += float(match[1]) * _DURATION_UNITS[match[2]] / 1000
            end = match.end()
        if not text or end != len(text):
            raise ValueError("expected a duration such as 250ms, 30s, 5m or 1h30m")
        if total > _LONGEST:
            raise ValueError("a duration may be 366 days at most")
        return cls(total)

    def __str__(self) -> str:
        milliseconds = round(self * 1000, 6)
        if not milliseconds.is_integer():
            return f"{self:.9f}".rstrip("0") + "s"
        for unit, worth in _DURATION_UNITS.items():
            if milliseconds >= worth and milliseconds % worth == 0:
                return f"{int(milliseconds) // worth}{unit}"
        return "0s"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


class Size(int):
    """Bytes. Written `512KB`, `10MB`, `1.5GB`; a bare number is bytes. KB is 1,024 bytes, as nginx counts."""

    pattern: ClassVar[str] = SIZE_PATTERN

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for anything but a whole number of bytes up to 1,024 GB."""
        if isinstance(given, int) and not isinstance(given, bool):
            count = float(given) if 0 <= given <= _LARGEST else -1.0
        else:
            text = given.strip() if isinstance(given, str) else ""
            match = _SIZE.fullmatch(text + "B" if text.isdecimal() and text.isascii() else text)
            count = float(match[1]) * _SIZE_UNITS[match[2].upper()] if match else -1.0
        if count < 0:
            raise ValueError("expected a size such as 512KB, 10MB or 1GB")
        if count > _LARGEST or not count.is_integer():
            raise ValueError("expected a whole number of bytes, 1024GB at most")
        return cls(count)

    def __str__(self) -> str:
        for unit, worth in reversed(_SIZE_UNITS.items()):
            if self >= worth and self % worth == 0:
                return f"{self // worth:d}{unit}"
        return "0B"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


class Workers(int):
    """A number of processes; 0, written `auto`: one for each processor that the gateway may use."""

    pattern: ClassVar[str] = WORKERS_PATTERN

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for anything but auto, or a whole number from 1 to 256."""
        text = str(given).strip() if isinstance(given, int | str) and not isinstance(given, bool) else ""
        if text == "auto" or (isinstance(given, Workers) and not given):
            return cls(0)
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_WORKERS:
            raise ValueError(f"expected auto, or a number from 1 to {_MOST_WORKERS}")
        return cls(int(text))

    def __str__(self) -> str:
        return format(int(self), "d") if self else "auto"

    def __repr__(self) -> str:
        return f"Workers({str(self)!r})"

    @property
    def processes(self) -> int:
        """How many that is on this machine."""
        return int(self) or processors()


class Money(int):
    """Nano-dollars. Written in dollars: `2.5`, `0.00015`, `"10"`."""

    pattern: ClassVar[str] = MONEY_PATTERN

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for anything but dollars from 0 to 999,999 with nine decimals at most."""
        # The shortest text of a float is what was written; 1e-05 is written out.
        known = isinstance(given, int | float | str) and not isinstance(given, bool)
        text = format(Decimal(str(given)), "f") if isinstance(given, float) else str(given).strip() if known else ""
        text = text.removesuffix(".0")
        if not re.fullmatch(MONEY_PATTERN, text, re.ASCII):
            raise ValueError("expected dollars such as 2.5 or 0.00015, with nine decimals at most")
        whole, _, decimals = text.partition(".")
        return cls(int(whole) * 10**9 + int(decimals.ljust(9, "0")))

    def __str__(self) -> str:
        whole, nano = divmod(int(self), 10**9)
        return f"{whole}.{nano:09d}".rstrip("0").removesuffix(".")

    def __repr__(self) -> str:
        return f"Money({str(self)!r})"


class Secret:
    """A text that shows only to who asks for it: repr, str and every format give `***`."""

    __slots__ = ("_value",)
    pattern: ClassVar[str] = ""

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for what could not be sent in an HTTP header (RFC 9110 section 5.5)."""
        if not isinstance(given, str):
            raise ValueError("expected text; put it in quotes")  # noqa: TRY004 - as documented
        if not given:
            raise ValueError("is empty")
        if given != given.strip():
            raise ValueError("begins or ends with white space")
        if not given.isascii() or not given.isprintable():
            raise ValueError("has a character that an HTTP header cannot carry")
        return cls(given)

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


class SecretText(Secret):
    """A secret that is a document and goes into no header, so that it may have several lines."""

    __slots__ = ()

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for what is no text, empty, or longer than 64 KB."""
        if not isinstance(given, str):
            raise ValueError("expected text; put it in quotes")  # noqa: TRY004 - as documented
        if not given.strip():
            raise ValueError("is empty")
        if len(given) > _LONGEST_TEXT:
            raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
        return cls(given)


class ProxyChoice:
    """`env` (as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say), `none`, or the URL of an HTTP proxy, whose password stays hidden."""

    __slots__ = ("_value",)
    pattern: ClassVar[str] = PROXY_PATTERN

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for anything but `env`, `none` or `http://[user:password@]host[:port]`."""
        if not isinstance(given, str) or (given not in {"env", "none"} and not _is_proxy_url(given)):
            raise ValueError("expected env, none or http://host:port (https origins are tunnelled through it)")
        return cls(given)

    def reveal(self) -> str:
        """`env`, `none` or the whole URL, credentials included."""
        return self._value

    def __str__(self) -> str:
        scheme, separator, rest = self._value.partition("://")
        credentials, at, host = rest.rpartition("@")
        return f"{scheme}{separator}***@{host}" if at and credentials else self._value

    def __repr__(self) -> str:
        return f"ProxyChoice({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProxyChoice) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def _is_proxy_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.path in {"", "/"} and not parts.query and not parts.fragment and " " not in text

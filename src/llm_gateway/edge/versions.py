"""Which version of the API a request means (requirements V1, V2).

The path wins (`/v1/...`); a path without a version takes it from `X-API-Version: v1`, else it means the latest stable one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime

import msgspec

from llm_gateway.core.errors import NotFound, VersionSunset
from llm_gateway.dialects.openai_media import MEDIA, OWNED
from llm_gateway.http.headers import header

ROUTES = frozenset(
    {
        b"/chat/completions",
        b"/responses",
        b"/completions",
        b"/embeddings",
        b"/rerank",
        b"/messages",
        b"/messages/count_tokens",
        b"/models",
        b"/realtime",
        *(kind.path.encode() for kind in (*MEDIA, *OWNED)),
    }
)
"""Paths that may be asked for without a version; so may what is below _BELOW. All others, /health say, have none."""
_BELOW = (b"/models/", b"/responses/", b"/files/", b"/batches/")
_OTHERS = frozenset({b"/v2/embed", b"/v2/rerank"})
"""Paths whose version is that of another API (Cohere's), not of this one."""
_VERSIONED = re.compile(rb"/v([0-9]+)/")


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """The path with its version, and the header lines that a deprecated version's answers carry."""

    path: bytes
    headers: bytes


@dataclass(frozen=True)
class Deprecation:
    """What callers of a version are told. Days begin at midnight UTC; from `sunset` on the version is refused with 410."""

    deprecated: date | None = None
    sunset: date | None = None
    guide: str | None = None
    """URL of the migration guide."""


class Versions:
    """The versions there are. Immutable."""

    def __init__(
        self,
        supported: Iterable[int] = (1,),
        deprecations: Mapping[int, Deprecation] | None = None,
        routes: frozenset[bytes] = ROUTES,
    ) -> None:
        """The highest of `supported` is the latest stable one. Raises ValueError for a guide that no Link header can hold."""
        numbers = sorted(set(supported))
        self._names = {str(number).encode("ascii"): number for number in numbers}
        self._latest = numbers[-1]
        self._prefixes = tuple(b"/v%d/" % number for number in numbers)
        self._routes = routes
        self._notices = {number: _Notice(number, told) for number, told in (deprecations or {}).items()}
        self.active = bool(self._notices)
        """Whether any version is deprecated; if not, a path with a supported version needs no look."""

    def resolve(self, path: bytes, headers: Mapping[bytes, bytes], now: float) -> Resolved:
        """`now` in Unix seconds. Raises NotFound (invalid_api_version; the details list what is supported) and VersionSunset."""
        if not self.active and path.startswith(self._prefixes):
            return Resolved(path, b"")
        if path in _OTHERS:
            return Resolved(path, b"")
        found = _VERSIONED.match(path)
        if found is not None:
            number = self._number(found[1])
            rest = path[found.end() - 1 :]
        elif path in self._routes or path.startswith(_BELOW):
            asked = headers.get(b"x-api-version")
            number = self._latest if asked is None else self._number(asked.strip().lower().removeprefix(b"v"))
            rest = path
        else:
            return Resolved(path, b"")
        notice = self._notices.get(number)
        lines = b""
        if notice is not None:
            if notice.over(now):
                # The caller may have said that being moved is better than being refused.
                if number == self._latest or headers.get(b"x-api-version-upgrade", b"").lower() != b"auto":
                    raise notice.refusal(self._latest)
                return Resolved(b"/v%d%b" % (self._latest, rest), notice.lines(now))
            lines = notice.lines(now)
        return Resolved(b"/v%d%b" % (number, rest), lines)

    def _number(self, name: bytes) -> int:
        number = self._names.get(name)
        if number is None:
            supported = [f"v{known}" for known in self._names.values()]
            message = f"There is no such version of this API. Supported: {', '.join(supported)}."
            raise NotFound(message, code="invalid_api_version", details={"supported_versions": supported})
        return number


class _Notice:
    """A deprecation as header lines, rendered once."""

    def __init__(self, number: int, told: Deprecation) -> None:
        self._told = told
        self._number = number
        self._deprecated = _midnight(told.deprecated).timestamp() if told.deprecated else 0.0
        self._sunset = _midnight(told.sunset).timestamp() if told.sunset else None
        self._lines = b""
        if told.sunset:  # RFC 8594
            self._lines += header(b"Sunset", format_datetime(_midnight(told.sunset), usegmt=True).encode("ascii"))
        if told.deprecated:  # RFC 9745 section 2: a structured Date, which may lie ahead
            self._lines += header(b"Deprecation", b"@%d" % self._deprecated)
        if told.guide:
            if not told.guide.isascii() or any(c <= " " or c in '<>"' for c in told.guide):
                raise ValueError("the URL of a migration guide must be percent-encoded ASCII")
            self._lines += header(b"Link", f'<{told.guide}>; rel="deprecation"; type="text/html"'.encode("ascii"))
        until = f" and will be refused from {told.sunset.isoformat()} on" if told.sunset else ""
        self._warning = header(b"Warning", f'299 - "Version v{number} of this API is deprecated{until}."'.encode("ascii"))

    def over(self, now: float) -> bool:
        return self._sunset is not None and now >= self._sunset

    def lines(self, now: float) -> bytes:
        return self._lines + self._warning if now >= self._deprecated else self._lines

    def refusal(self, latest: int) -> VersionSunset:
        day = self._told.sunset.isoformat() if self._told.sunset else None
        details = {"sunset_date": day, "current_version": f"v{latest}", "migration_guide": self._told.guide}
        return VersionSunset(f"Version v{self._number} of this API is no longer served. Use v{latest}.", details=details)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

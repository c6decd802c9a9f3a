"""What a simulator saw: one entry for each request, bounded, with credentials shown as a fingerprint only."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie"})
_SECRET_QUERY = re.compile(r"(?i)(^|&)((?:api[-_]?)?key|token|access_token)=([^&]*)")


def fingerprint(secret: str | bytes) -> str:
    """How a secret is shown: enough to tell two apart and to recognise one that is known, not to use it."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return f"sha256:{hashlib.sha256(raw).hexdigest()[:8]}"


@dataclass(slots=True)
class Seen:
    """One request as the provider saw it. Times are seconds: `at` since the simulator began, the others since `at`.

    path          the native path, without fault and mount prefixes; `target` is what was asked, secrets replaced
    fault         the fault spec it carried; `applied` are the faults that struck this time
    sent          bytes of the body handed to the connection, framing not counted
    client_gone   when the client left before the answer was complete
    done          when the last byte of the answer was written
    closed        the close code that the client of a realtime session gave (1005: none)
    body          the first bytes of the request's body (SimulatorOptions.log_body_bytes); not shown over HTTP
    """

    number: int
    at: float
    connection: int
    method: str
    target: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body_size: int = 0
    dialect: str | None = None
    model: str | None = None
    stream: bool = False
    fault: str = ""
    applied: tuple[str, ...] = ()
    status: int = 0
    sent: int = 0
    client_gone: float | None = None
    done: float | None = None
    closed: int | None = None
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case)."""
        return next((value for key, value in self.headers if key == name), None)

    def shown(self) -> dict[str, Any]:
        """As GET /__simulator/log shows it."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "body"}


class Log:
    """The last requests and some counts."""

    def __init__(self, size: int) -> None:
        self.entries: deque[Seen] = deque(maxlen=size)
        self.connections_open = 0
        self.connections_total = 0
        self.connections_peak = 0
        self._number = 0

    def __iter__(self) -> Iterator[Seen]:
        return iter(tuple(self.entries))

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Seen:
        return self.entries[index]

    def add(self, seen: Seen) -> None:
        self.entries.append(seen)

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def opened(self) -> int:
        """A connection was made; returns its number."""
        self.connections_open += 1
        self.connections_total += 1
        self.connections_peak = max(self.connections_peak, self.connections_open)
        return self.connections_total

    def closed(self) -> None:
        self.connections_open -= 1

    def reset(self) -> None:
        """Forget the requests; open connections stay counted."""
        self.entries.clear()
        self._number = 0
        self.connections_peak = self.connections_open

    def stats(self) -> dict[str, Any]:
        """As GET /__simulator/stats shows it; counts by kind are over the entries that the log still holds."""
        entries = list(self.entries)
        return {
            "connections_open": self.connections_open,
            "connections_peak": self.connections_peak,
            "connections_total": self.connections_total,
            "requests": self._number,
            "running": sum(seen.done is None and seen.client_gone is None for seen in entries),
            "client_gone": sum(seen.client_gone is not None for seen in entries),
            "by_status": dict(Counter(str(seen.status) for seen in entries)),
            "by_path": dict(Counter(seen.path for seen in entries)),
            "by_model": dict(Counter(seen.model for seen in entries if seen.model)),
            "by_fault": dict(Counter(name for seen in entries for name in seen.applied)),
        }


def shown_headers(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Headers for the log: names in lower case, credentials as fingerprints behind their scheme."""
    return tuple(
        (name.decode("latin-1"), _credential(value) if name in SECRET_HEADERS else value.decode("latin-1"))
        for name, value in headers
    )


def shown_target(path: str, query: str) -> str:
    """The request target for the log, keys in the query replaced."""
    if not query:
        return path
    return f"{path}?{_SECRET_QUERY.sub(lambda m: f'{m[1]}{m[2]}={fingerprint(m[3])}', query)}"


def _credential(value: bytes) -> str:
    scheme, space, secret = value.partition(b" ")
    if space and scheme.lower() in (b"bearer", b"basic"):
        return f"{scheme.decode('latin-1')} {fingerprint(secret.strip())}"
    return fingerprint(value)

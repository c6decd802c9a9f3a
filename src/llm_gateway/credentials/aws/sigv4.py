"""AWS Signature Version 4: what makes a request AWS's own (IAM user guide, "Create a signed AWS API request").

    canonical request   method, path, query, headers, their names, SHA-256 of the payload
    string to sign      algorithm, time, scope (day/region/service/aws4_request), SHA-256 of the canonical request
    key                 HMAC chain: "AWS4" + secret, day, region, service, "aws4_request"

Everything but S3 encodes the path once more than it is on the wire, after resolving dots and double slashes; S3 is not served
here. `sign` is pure; `Signer` remembers the key of the day, which is four of the five HMACs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from hmac import digest
from urllib.parse import quote

from llm_gateway.http.headers import header

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an IAM user (no token) or a role (with one). Neither secret shows in its repr."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature is good: `day` is YYYYMMDD in UTC, `service` the signing name (bedrock for bedrock-runtime)."""

    day: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it goes on the wire: `host` with its port unless that is the scheme's own, `path` and `query` encoded.

    `headers`: further ones to sign; their names and values must go out just so. None is needed.
    """

    method: str
    host: str
    path: str
    payload: bytes
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Signer:
    """Signs requests to one region and service. Holds one key; its owner holds the signer."""

    __slots__ = ("_key", "_secret", "_stamp", "region", "service")

    def __init__(self, region: str, service: str) -> None:
        self.region = region
        self.service = service
        self._stamp = self._secret = ""
        self._key = b""

    def sign(self, credentials: Credentials, request: Unsigned, now: float) -> bytes:
        """The header lines to add, each ending CRLF: X-Amz-Date, X-Amz-Security-Token (of a role), Authorization.

        `now`: seconds since the epoch. Raises ValueError for what no header can carry.
        """
        time = _moment(int(now))
        day = time[:8]
        if day != self._stamp or credentials.secret_key != self._secret:
            self._key = derive_key(credentials.secret_key, Scope(day, self.region, self.service))
            self._stamp, self._secret = day, credentials.secret_key
        return sign(credentials, request, time, Scope(day, self.region, self.service), self._key)


def derive_key(secret_key: str, scope: Scope) -> bytes:
    """Of `secret_key` for one day, region and service."""
    key = b"AWS4" + secret_key.encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


def sign(credentials: Credentials, request: Unsigned, time: str, scope: Scope, key: bytes) -> bytes:
    """As Signer.sign. `time`: YYYYMMDDTHHMMSSZ, on the day of `scope`; `key`: `derive_key` of it."""
    added = {"X-Amz-Date": time}
    if credentials.session_token is not None:
        added["X-Amz-Security-Token"] = credentials.session_token
    canonical, names = canonical_request(request, added)
    wanted = f"{ALGORITHM}\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = digest(key, wanted.encode(), "sha256").hex()
    added["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return b"".join(header(name.encode("ascii"), value.encode("latin-1")) for name, value in added.items())


def canonical_request(request: Unsigned, added: Mapping[str, str]) -> tuple[str, str]:
    """The canonical request, and the names of its headers."""
    fields = {"host": request.host}
    for group in (request.headers, added):
        fields |= {name.lower(): " ".join(value.split()) for name, value in group.items()}
    names = ";".join(sorted(fields))
    lines = "".join(f"{name}:{fields[name]}\n" for name in sorted(fields))
    payload = sha256(request.payload).hexdigest()
    canonical = f"{request.method}\n{canonical_path(request.path)}\n{canonical_query(request.query)}\n{lines}\n{names}\n{payload}"
    return canonical, names


@lru_cache(maxsize=4)  # the requests of one second share it
def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=1024)  # a path per model
def canonical_path(path: str) -> str:
    """`path` as it is on the wire, encoded again; its dots and double slashes resolved (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + slash, safe="/~")


def canonical_query(query: str) -> str:
    """`query` without its question mark, in order of names and then of values; a name without a value has an empty one."""
    if not query:
        return ""
    pairs = sorted((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&")))
    return "&".join(f"{name}={value}" for name, value in pairs)

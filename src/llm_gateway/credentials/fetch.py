"""One small HTTP exchange with a token endpoint or a metadata server, bounded in bytes and time. No redirect is followed."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.core.within import within
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.http.client import Client, Timeouts, TlsTrust
from llm_gateway.http.errors import ConnectFailed, HttpError, TimedOut, TlsFailed, TooLarge
from llm_gateway.http.headers import header
from llm_gateway.http.origin import Origin

LARGEST = 64 << 10
"""Bytes of an answer."""
NEAR = Timeouts(connect=1.0, head=5.0, idle=2.0, total=8.0, pool=1.0)
"""To a metadata server: it is there at once, or not at all."""
FAR = Timeouts(connect=5.0, head=8.0, idle=5.0, total=10.0, pool=5.0)
"""To a token endpoint."""

_METADATA_NAMES = frozenset({"localhost", "metadata.google.internal", "metadata", "metadata.goog"})
_METADATA_ADDRESSES = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fd00:ec2::/32"))
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")
_WORD = re.compile(r"[A-Za-z_.]{1,48}")  # no digit: what looks like a key is none of these codes

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes = field(repr=False)

    def json(self, shape: type[Shape], what: str) -> Shape:
        """The body as `shape`. Raises Unavailable; `what` is who answered, for its text."""
        try:
            return decode_lenient(self.body, shape)
        except (MalformedJson, msgspec.ValidationError):
            raise Unavailable(f"{what} gave an answer that is not the expected JSON") from None

    def reason(self) -> str:
        """The short error code of an OAuth or AWS style body, for a text; "" if there is none. Descriptions can quote secrets."""
        try:
            document: Any = decode_lenient(self.body, Any)
        except MalformedJson:
            return ""
        for key in ("error", "code", "Code", "__type"):
            said = document.get(key) if isinstance(document, dict) else None
            if isinstance(said, dict):
                said = said.get("status") or said.get("code")
            if isinstance(said, str) and _WORD.fullmatch(said):
                return f" ({said})"
        return ""


class Http:
    """Two ways out: the gateway's shared client with its proxies, and one without any for this machine and what is beside it."""

    def __init__(self) -> None:
        self._shared: Client | None = None
        self._direct: Client | None = None

    def use(self, shared: Client | None) -> None:
        """Go through `shared` from now on; a reload may have made another."""
        self._shared = shared

    async def close(self) -> None:
        """Close what is ours."""
        direct, self._direct = self._direct, None
        if direct is not None:
            await direct.close()

    async def send(
        self,
        what: str,
        method: bytes,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        metadata: bool = False,
        signed: bytes = b"",
        largest: int = LARGEST,
    ) -> Answer:
        """Ask `url`, which may have a query. Raises Unavailable, in whose text `what` stands for the address.

        `metadata`: a metadata service, wherever the environment says that it is: without a proxy, over plain HTTP.
        `signed`: further header lines as an authorizer renders them; `largest`: most bytes of the answer.
        """
        origin, target = address(url, what, plain=metadata)
        near = metadata or is_near(origin.host)
        timeouts = NEAR if near else FAR
        try:
            lines = b"".join(header(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()) + signed
            client = self._client(near=near and origin.scheme == "http")
            return await within(self._exchange(client, origin, method, target, lines, body, timeouts, largest), timeouts.total)
        except TlsFailed:
            raise Unavailable(f"{what} has no certificate that is trusted: see network.ca_file") from None
        except ConnectFailed:
            raise Unavailable(f"{what} cannot be reached") from None
        except (TimedOut, TimeoutError):
            raise Unavailable(f"{what} did not answer in time") from None
        except TooLarge:
            raise Unavailable(f"{what} gave an answer that is too large") from None
        except HttpError:
            raise Unavailable(f"{what} gave no complete answer") from None
        except ValueError:  # a header or target that cannot be sent; its text could repeat it
            raise Unavailable(f"{what} cannot be asked: a value that is configured holds what no header can carry") from None

    async def _exchange(
        self,
        client: Client,
        origin: Origin,
        method: bytes,
        target: bytes,
        lines: bytes,
        body: bytes,
        timeouts: Timeouts,
        largest: int,
    ) -> Answer:
        response = await client.send(origin, method, target, lines, body, timeouts)
        try:
            return Answer(response.status, response.headers, await response.read(largest))
        finally:
            response.close()

    def _client(self, *, near: bool) -> Client:
        if not near and self._shared is not None:
            return self._shared
        if self._direct is None:
            self._direct = Client(tls=TlsTrust(system_roots=False))  # it speaks plain HTTP; reading all roots takes a while
        return self._direct

    async def form(self, what: str, url: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        """POST fields as a form. `basic`: a client's id and secret, for HTTP's Basic scheme (RFC 6749 section 2.3.1)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if basic is not None:
            headers["Authorization"] = "Basic " + b64encode(":".join(basic).encode()).decode()
        return await self.send(what, b"POST", url, headers, urlencode(fields).encode())


def address(url: str, what: str, *, plain: bool = False) -> tuple[Origin, bytes]:
    """A URL's origin and target. Raises Unavailable for one that secrets must not be sent to: HTTP, unless `plain` or near."""
    try:
        parts = urlsplit(url)
        origin, _ = Origin.parse(f"{parts.scheme}://{parts.netloc}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        data = target.encode("ascii")
    except ValueError:
        raise Unavailable(f"the address of {what} is not a usable URL") from None
    if origin.scheme != "https" and not plain and not is_near(origin.host):
        raise Unavailable(f"the address of {what} must begin with https://")
    if not _PRINTABLE.fullmatch(data) or b" " in data:
        raise Unavailable(f"the address of {what} is not a usable URL")
    return origin, data


def is_near(host: str) -> bool:
    """Whether a host is this machine or a metadata service beside it: no proxy is asked, and plain HTTP does."""
    if host in _METADATA_NAMES:
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip.is_loopback or any(ip in network for network in _METADATA_ADDRESSES)

"""Fetches what a request names by URL, for providers that take bytes only.

The URL is the caller's, so nothing about it is trusted (faults C17): http.public keeps the connection on the public internet,
here every hop of a redirect is looked at anew, bytes and time of all files of a request are capped together, and what came is
known by its first bytes. An error names the URL's place in the request and never what was found behind it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.base import Wants
from llm_gateway.http.client import Client, Response, Timeouts
from llm_gateway.http.errors import BadCoding, ConnectFailed, HttpError, TimedOut, TlsFailed, TooLarge
from llm_gateway.http.origin import Origin
from llm_gateway.http.public import Network, is_public
from llm_gateway.providers.linked import File, Link, links_in
from llm_gateway.providers.sniff import sniff

CLIENT = "(fetch)"
"""The HTTP client that reaches public addresses only, by the name that no provider can have."""
MOST_URLS = 32
"""In one request."""
AT_ONCE = 4
MOST_REDIRECTS = 3
LONGEST_URL = 8192
KEY = "translation.fetch.enabled"

_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN = "%/?:@!$&'()*+,;=~-._[]"
"""What stands in a URL as it is (RFC 3986), with % for what is encoded already."""
_HEADERS = b"User-Agent: llm-gateway\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"


class FetchRules(NamedTuple):
    """What may be fetched. `hosts` empty: any; `http`: whether https is not demanded; bytes and seconds are for all
    files of a request together.
    """

    most_bytes: int
    seconds: float
    types: frozenset[str]
    hosts: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})
    http: bool = False
    also: Sequence[Network] = ()
    trust_proxy: bool = False


class Fetcher:
    """`client` dials public addresses only (http.public); `shared` is asked where it has a proxy, if that one is trusted: behind
    it nobody can tell which address is connected to.
    """

    def __init__(self, rules: FetchRules, client: Client, shared: Client) -> None:
        self._rules = rules
        self._client = client
        self._shared = shared

    async def files(self, request: ChatRequest, wants: Wants, known: dict[str, File | str], seconds: float) -> None:
        """Adds to `known` what the request's URLs lead to, or (as text) why nothing came, each URL once and within `seconds`.

        Raises Unsupported with the path of the first URL that could not be had, or that has another type than is wanted.
        """
        links = links_in(request, wants)
        if len(links) > MOST_URLS:
            raise _refused(links[MOST_URLS], f"a request may name {MOST_URLS} files by URL at most")
        new = dict.fromkeys(link.url for link in links if link.url not in known)
        if new:
            await self._fetch_all(list(new), known, seconds)
        for link in links:
            found = known[link.url]
            if isinstance(found, str):
                raise _refused(link, found)
            if found.media_type not in link.types:
                raise _refused(link, f"the chosen provider takes no {found.media_type} here")

    async def _fetch_all(self, urls: list[str], known: dict[str, File | str], seconds: float) -> None:
        budget = _Budget(self._rules.most_bytes)
        until = asyncio.get_running_loop().time() + min(self._rules.seconds, seconds)
        waiting = iter(urls)

        async def work() -> None:
            for url in waiting:
                try:
                    known[url] = await self._one(url, budget, until)
                except _Failed as failed:
                    known[url] = failed.why

        workers = [asyncio.ensure_future(work()) for _ in range(min(AT_ONCE, len(urls)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()

    async def _one(self, url: str, budget: _Budget, until: float) -> File:
        """Raises _Failed."""
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._ask(url, until)
            try:
                if response.status not in _REDIRECTS:
                    return await self._file(response, budget)
                location = response.headers.get(b"location", b"").decode("latin-1")
            finally:
                response.close()
            if not location:
                raise _Failed("its server sends elsewhere without saying where")
            url = urljoin(url, location)
        raise _Failed(f"it leads elsewhere more than {MOST_REDIRECTS} times")

    async def _ask(self, url: str, until: float) -> Response:
        origin, target = self._place(url)
        client = self._client
        if self._shared.has_proxy(origin):
            if not self._rules.trust_proxy:
                raise _Failed("it would have to be fetched through a proxy, which the gateway is not told to trust")
            client = self._shared
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            raise _Failed("it took too long")
        timeouts = Timeouts(connect=min(5.0, left), head=left, idle=left, total=left, pool=left)
        try:
            return await client.send(origin, b"GET", target, _HEADERS, b"", timeouts)
        except HttpError as error:
            raise _Failed(_why(error)) from None

    def _place(self, url: str) -> tuple[Origin, bytes]:
        """Where a URL leads, if it may be followed. Raises _Failed."""
        rules = self._rules
        if len(url) > LONGEST_URL:
            raise _Failed("it is too long")
        try:
            parts = urlsplit(url)
            origin, _ = Origin.parse(f"{parts.scheme}://{parts.netloc}")
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            sent = quote(target, _SHOWN).encode("ascii")
        except ValueError:
            raise _Failed("it is no plain http or https URL") from None
        host = origin.host.removesuffix(".")
        if origin.scheme != "https" and not rules.http:
            raise _Failed("only https URLs are fetched")
        if origin.port not in rules.ports:
            raise _Failed("its port is not one that is fetched from")
        if rules.hosts and not any(host == name or host.endswith(f".{name}") for name in rules.hosts):
            raise _Failed("its host is not one that is fetched from")
        if _ends_in_number(host) and not is_public(host, rules.also):
            raise _Failed(_UNREACHABLE)
        return Origin(origin.scheme, host, origin.port), sent

    async def _file(self, response: Response, budget: _Budget) -> File:
        if response.status != 200:
            raise _Failed(f"its server answered {response.status}")
        taker = _Taker(asyncio.get_running_loop(), budget)
        response.stream(taker)
        try:
            data = await taker.done
        except HttpError as error:
            raise _Failed(_why(error)) from None
        media_type = sniff(data, response.headers.get(b"content-type", b"").decode("latin-1"))
        if media_type is None or media_type not in self._rules.types:
            raise _Failed("it is of a type that is not fetched" if media_type is None else f"{media_type} is not fetched")
        return File(data, media_type)


class _Failed(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Budget:
    """Bytes that all files of one request may have together."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, count: int) -> None:
        """Raises TooLarge."""
        self._left -= count
        if self._left < 0:
            raise TooLarge("the files are over their cap", sent=True, started=True)


class _Taker:
    """A sink that keeps what comes, as long as the budget lasts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: _Budget) -> None:
        self.done: asyncio.Future[bytes] = loop.create_future()
        self._budget = budget
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        if self.done.done():
            return
        try:
            self._budget.spend(len(data))
        except TooLarge as error:
            self._parts.clear()
            self.done.set_exception(error)
        else:
            self._parts.append(data)

    def end(self) -> None:
        if not self.done.done():
            self.done.set_result(b"".join(self._parts))

    def broken(self, error: HttpError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


_UNREACHABLE = "its host cannot be reached from here"


def _why(error: HttpError) -> str:
    """In words that tell nothing about a network that the caller should not see: a name that does not exist, one that leads
    inside and a port that nobody listens on look alike.
    """
    if isinstance(error, TooLarge):
        return "the request's files are larger than is fetched"
    if isinstance(error, TlsFailed):
        return "its server's certificate was not accepted"
    if isinstance(error, ConnectFailed):
        return _UNREACHABLE
    if isinstance(error, TimedOut):
        return "it took too long"
    if isinstance(error, BadCoding):
        return "its content is coded in a way that is not understood"
    return "its server broke off"


def _ends_in_number(host: str) -> bool:
    """Whether it is an IP address, also in the spellings that browsers read as IPv4 (URL Standard, section 3.5)."""
    return ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _refused(link: Link, why: str) -> Unsupported:
    path = link.path()
    return Unsupported(f"The file at {path} could not be fetched: {why}", code="media_not_fetched", param=path)


def off(request: ChatRequest, wants: Wants) -> str:
    """What a refusal adds when there are files that could be fetched and fetching is turned off."""
    return f" The gateway can fetch files that are named by URL: {KEY}." if links_in(request, wants) else ""

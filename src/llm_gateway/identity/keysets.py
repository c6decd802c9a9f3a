"""The public keys of issuers, fetched in the background and again before they are old. They outlive reloads.

A request waits for them once at most: for a token that names a key which nobody has seen yet, and then all such tokens wait
for the same fetch. An issuer that cannot be asked leaves its old keys in use, for as long as the configuration says.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from math import inf
from types import MappingProxyType

import msgspec

from llm_gateway.config.schema.tokens import Issuer
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.refreshing import Log, Unavailable
from llm_gateway.http.client import Client
from llm_gateway.identity.jose import KeySet, published

FETCH_SECONDS = 15.0
WAIT_SECONDS = 3.0
"""How long a request waits for the keys of its token."""
UNKNOWN_SECONDS = 30.0
"""Least time between two fetches that unknown key names ask for."""
_SOONEST = 60.0  # whatever Cache-Control says
_TICK = 30.0  # a jump of the clock is noticed so late at most
_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_MAX_AGE = re.compile(rb"max-age\s*=\s*\"?(\d{1,9})")
_WELL_KNOWN = "/.well-known/openid-configuration"
_ACCEPT = MappingProxyType({"Accept": "application/json"})


class _Discovered(msgspec.Struct):
    issuer: str
    jwks_uri: str


class IssuerKeys:
    """Of one issuer."""

    def __init__(self, config: Issuer, http: Http, clock: Clock, draw: Callable[[], float], log: Log) -> None:
        """`draw` gives numbers in [0, 1): gateways that started together shall not ask together."""
        self._issuer = config.issuer
        self._jwks_url = config.jwks_url
        self._discovery_url = config.discovery_url or config.issuer.rstrip("/") + _WELL_KNOWN
        self._refresh = float(config.refresh)
        self._keep = float(config.keep)
        self._http = http
        self._clock = clock
        self._draw = draw
        self._log = log
        self._keys: KeySet | None = None
        self._fetched = -inf  # monotonic, as are the next three
        self._due = -inf
        self._asked = -inf
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None
        self._background: asyncio.Task[None] | None = None

    def current(self) -> KeySet | None:
        """None: there were never any, or they are older than the configuration allows."""
        if self._clock.monotonic() >= self._fetched + self._keep:
            return None
        return self._keys

    def may_ask(self) -> bool:
        """Whether asking for a key that is not there could bring it: a fetch runs, or the last one is not just over."""
        if self._fetching is not None:
            return True
        pause = UNKNOWN_SECONDS if self.current() is not None else _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
        return self._clock.monotonic() >= self._asked + pause

    async def ask(self, seconds: float = WAIT_SECONDS) -> None:
        """Fetch now, or wait for the fetch that runs, `seconds` at most. The fetch goes on without who waits."""
        if self._fetching is None:
            if not self.may_ask():
                return
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        await asyncio.wait([self._fetching], timeout=seconds)

    def start(self) -> None:
        """Fetch in the background from now on."""
        if self._background is None:
            self._background = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        tasks = [task for task in (self._background, self._fetching) if task is not None]
        self._background = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fetching = None

    async def _run(self) -> None:
        while True:
            if self._clock.monotonic() >= self._due and self._fetching is None:
                self._fetching = asyncio.get_running_loop().create_task(self._fetch())
            if self._fetching is not None:
                await asyncio.wait([self._fetching])
            await asyncio.sleep(min(max(self._due - self._clock.monotonic(), 0.0), _TICK))

    async def _fetch(self) -> None:
        self._asked = self._clock.monotonic()
        try:
            keys, fresh = await within(self._asked_for(), FETCH_SECONDS)
        except (Unavailable, TimeoutError) as error:
            self._failed(str(error) or "it did not answer in time")
        except Exception as bug:  # noqa: BLE001 - what a stranger answered must not end the task
            self._failed(type(bug).__name__)
        else:
            if self._failures:
                self._log("info", "issuer_keys_recovered", issuer=self._issuer, failures=self._failures)
            now = self._clock.monotonic()
            self._keys, self._fetched, self._failures = keys, now, 0
            self._due = now + fresh * (0.8 + 0.2 * self._draw())
        finally:
            self._fetching = None

    def _failed(self, why: str) -> None:
        pause = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
        self._due = self._clock.monotonic() + pause * (0.75 + 0.5 * self._draw())
        if self._failures in (0, len(_BACKOFF)):
            usable = self.current() is not None
            self._log("warning", "issuer_keys_failed", issuer=self._issuer, why=why, old_ones_in_use=usable)
        self._failures += 1

    async def _asked_for(self) -> tuple[KeySet, float]:
        """The keys, and for how many seconds they need not be asked for again. Raises Unavailable."""
        url = self._jwks_url or await self._discover()
        answer = await self._http.send("the issuer's key set", b"GET", url, _ACCEPT)
        if answer.status != 200:
            raise Unavailable(f"the issuer's key set was answered with status {answer.status}")
        try:
            keys = published(answer.body)
        except ValueError:
            raise Unavailable("the issuer's key set is none") from None
        if not len(keys):
            raise Unavailable("the issuer's key set holds no key that tokens can be checked with")
        said = _MAX_AGE.search(answer.headers.get(b"cache-control", b"").lower())
        longest = self._refresh
        return keys, longest if said is None else min(max(float(said[1]), min(_SOONEST, longest)), longest)

    async def _discover(self) -> str:
        url = self._discovery_url
        answer = await self._http.send("the issuer's discovery document", b"GET", url, _ACCEPT)
        if answer.status != 200:
            raise Unavailable(f"the issuer's discovery document was answered with status {answer.status}")
        found = answer.json(_Discovered, "the issuer's discovery document")
        if found.issuer != self._issuer:  # OpenID Connect Discovery section 4.3
            raise Unavailable("the discovery document is of another issuer than the configured one")
        return found.jwks_uri


class KeySets:
    """Of all issuers. What a reload does not change goes on with the keys it has."""

    def __init__(self, clock: Clock, draw: Callable[[], float], log: Log) -> None:
        self.http = Http()
        self._clock = clock
        self._draw = draw
        self._log = log
        self._known: dict[Issuer, IssuerKeys] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def use(self, client: Client | None) -> None:
        """Go through this client from now on."""
        self.http.use(client)

    def of(self, issuer: Issuer) -> IssuerKeys:
        """Those of `issuer`, new ones if nothing is known of it."""
        asked = _asking(issuer)
        found = self._known.get(asked)
        if found is None:
            found = self._known[asked] = IssuerKeys(asked, self.http, self._clock, self._draw, self._log)
        return found

    def only(self, issuers: Iterable[Issuer]) -> None:
        """Fetch for these in the background from now on, and forget the others."""
        wanted = {_asking(issuer) for issuer in issuers if issuer.secret is None}
        for issuer in wanted:
            self.of(issuer).start()
        for issuer in self._known.keys() - wanted:
            closing = asyncio.get_running_loop().create_task(self._known.pop(issuer).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._closing, *(keys.close() for keys in self._known.values()))
        self._known.clear()
        await self.http.close()


def _asking(issuer: Issuer) -> Issuer:
    """What of an issuer decides which keys it has: a new claim mapping is no reason to fetch them again."""
    return Issuer(issuer.issuer, ("*",), issuer.jwks_url, issuer.discovery_url, refresh=issuer.refresh, keep=issuer.keep)

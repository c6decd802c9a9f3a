"""The authorizers that a configuration needs: made once per provider, kept over reloads while their settings stay the same."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from llm_gateway.config.schema import Aws, Entra, Google, Provider
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.aws import chain as aws
from llm_gateway.credentials.aws.account import account_region
from llm_gateway.credentials.aws.authorizer import SigV4Authorizer
from llm_gateway.credentials.azure import chain as azure
from llm_gateway.credentials.base import Authorizer
from llm_gateway.credentials.bearer import BearerAuthorizer, FetchLines
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.google import chain as google
from llm_gateway.credentials.google.document import source_in
from llm_gateway.credentials.means import Means, read_now
from llm_gateway.credentials.refreshing import Log, Refreshing, Unavailable
from llm_gateway.http.client import Client

_SECTIONS: Mapping[str, Callable[[], Aws | Google | Entra]] = MappingProxyType({"aws": Aws, "google": Google, "entra": Entra})
_VARIABLES = re.compile(r"(AWS|AZURE|GOOGLE|GCE|CLOUDSDK|IDENTITY)_.*|NO_GCE_CHECK|HOME")
"""The environment variables that credentials may come from."""
_OWN = frozenset({"authorization", "api-key", "x-goog-api-key"})
"""Headers with which a configuration brings credentials by itself."""


@dataclass(frozen=True)
class Wanted:
    """What one provider needs: its section, and the region that AWS signs for."""

    said: Aws | Google | Entra
    region: str = ""


class Unusable(Exception):
    """Settings that can never work. The text begins with the provider's name."""


@dataclass(frozen=True)
class _Kept:
    authorizer: Authorizer
    settings: tuple[Any, ...] = field(repr=False)
    """What it was made from, the environment's secrets among it."""


class Authorizers:
    """Provider -> its authorizer. Nothing is fetched before `start`, or the first request."""

    def __init__(
        self,
        clock: Clock,
        log: Log | None = None,
        draw: Callable[[], float] = random.random,
        *,
        kept: Mapping[str, _Kept] | None = None,
        http: Http | None = None,
    ) -> None:
        """The empty set; `beside` makes others of it. `draw` gives numbers in [0, 1)."""
        self._clock = clock
        self._log = log or _quiet
        self._draw = draw
        self._kept = kept or {}
        self._http = http or Http()
        self.by_name: Mapping[str, Authorizer] = {name: entry.authorizer for name, entry in self._kept.items()}

    def beside(self, wanted: Mapping[str, Wanted], environ: Mapping[str, str]) -> Authorizers:
        """Those for `wanted`; where nothing changed they are the same, with the tokens they hold. Raises Unusable."""
        kept = {name: self._one(name, want, environ) for name, want in wanted.items()}
        return Authorizers(self._clock, self._log, self._draw, kept=kept, http=self._http)

    def _one(self, name: str, wanted: Wanted, environ: Mapping[str, str]) -> _Kept:
        settings = (wanted, sorted((key, value) for key, value in environ.items() if _VARIABLES.fullmatch(key)))
        before = self._kept.get(name)
        if before is not None and before.settings == settings:
            return before
        try:
            return _Kept(self._authorizer(name, wanted, Means(environ, self._http, self._clock)), settings)
        except Unavailable as error:
            raise Unusable(f"{name}: {error}") from None

    def _authorizer(self, name: str, wanted: Wanted, means: Means) -> Authorizer:
        said = wanted.said
        if isinstance(said, Aws):
            _readable(said.web_identity_token_file, "aws.web_identity_token_file")
            keys = Refreshing(aws.source_of(said, wanted.region, means), self._clock, self._draw, self._log, name=name)
            return SigV4Authorizer(keys, wanted.region, self._clock)
        if isinstance(said, Google):
            return self._bearer(name, _google(said, means))
        _readable(said.certificate_file, "entra.certificate_file")
        _readable(said.federated_token_file, "entra.federated_token_file")
        return self._bearer(name, azure.fetch_of(said, means))

    def _bearer(self, name: str, fetch: FetchLines) -> Authorizer:
        return BearerAuthorizer(Refreshing(fetch, self._clock, self._draw, self._log, name=name))

    def use(self, shared: Client | None) -> None:
        """Reach token endpoints through this client from now on."""
        self._http.use(shared)

    def start(self) -> None:
        """Fetch in the background from now on."""
        for authorizer in self.by_name.values():
            authorizer.start()

    async def retire(self, keeping: Authorizers) -> None:
        """End those that `keeping` does not have. Whoever still uses one finds in it what it held last."""
        kept = set(map(id, keeping.by_name.values()))
        await asyncio.gather(*(one.close() for one in self.by_name.values() if id(one) not in kept))

    async def close(self) -> None:
        """End all of them."""
        await asyncio.gather(*(one.close() for one in self.by_name.values()))
        await self._http.close()


def wanted_by(provider: Provider, knows: frozenset[str], key: str | None, environ: Mapping[str, str]) -> Wanted | None:
    """What a provider needs; None where an API key does. `knows`: the sections that its type knows; `key`: what it has for one.

    A section that is written wins over a key from the environment, and contradicts one that is written. Raises Unavailable.
    """
    own = next((f"headers.{header}" for header in provider.headers if header.lower() in _OWN), None)
    for name in sorted(knows):
        said = getattr(provider.options, name)
        other = own if provider.api_key is None else "api_key"
        if said is not None and other:
            raise Unavailable(f"{name} contradicts {other}: say one of them")
        if said is None and (key or own):
            return None
        said = said or _SECTIONS[name]()
        return Wanted(said, _aws_region(provider, environ) if name == "aws" else "")
    return None


def _aws_region(provider: Provider, environ: Mapping[str, str]) -> str:
    try:
        region = account_region(provider, environ)
    except ValueError as error:
        raise Unavailable(str(error)) from None
    if region is None:
        raise Unavailable("needs region, or AWS_REGION in the environment")
    return region


def _google(said: Google, means: Means) -> FetchLines:
    """Checked as far as files tell: what cannot work shall not wait for the first request."""
    if said.credentials_json is not None:
        source_in(means, said.credentials_json.reveal().encode(), said.scopes, "google.credentials_json")
    elif said.credentials_file is not None:
        what = google.WHAT_FILE
        source_in(means, read_now(said.credentials_file, what), said.scopes, what)
    return google.fetch_of(said, means)


def _readable(path: str | None, what: str) -> None:
    if path is not None:
        read_now(path, what)


def _quiet(level: str, event: str, **fields: Any) -> None:
    """For those who only check."""

"""HashiCorp Vault and OpenBao: secrets of the key/value engine, version 2 (API documentation, "KV secrets engine v2").

A token is renewed at two thirds of its life; where that cannot be, the gateway signs in again, if it can.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import msgspec

from llm_gateway.config.schema.secrets import VaultStore as Settings
from llm_gateway.core.json import encode
from llm_gateway.credentials.bearer import refused, usable
from llm_gateway.credentials.fetch import Answer
from llm_gateway.credentials.means import Means, read_secret
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from llm_gateway.credentials.stores.base import LARGEST, Document

_WHAT = "Vault"


class _Auth(msgspec.Struct, frozen=True):
    client_token: str = ""
    lease_duration: float = 0
    renewable: bool = False

    __repr__ = object.__repr__


class _Login(msgspec.Struct, frozen=True):
    auth: _Auth


class _Own(msgspec.Struct, frozen=True):
    ttl: float = 0
    renewable: bool = False


class _Lookup(msgspec.Struct, frozen=True):
    data: _Own


class _Read(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    lease_duration: float = 0

    __repr__ = object.__repr__


class VaultSecrets:
    """One Vault, as one of its users."""

    def __init__(self, said: Settings, means: Means) -> None:
        """Raises Unavailable without an address."""
        address = said.address or means.variable("VAULT_ADDR")
        if not address:
            raise Unavailable("Vault needs secrets.vault.address, or VAULT_ADDR in the environment")
        self._said = said
        self._means = means
        self._base = address.rstrip("/") + "/v1/"
        self._namespace = said.namespace or means.variable("VAULT_NAMESPACE")
        self._token = ""
        self._renewable = False
        self._due = self._over = -inf  # monotonic
        self._lock = asyncio.Lock()

    async def fetch(self, document: str) -> Fetched[Document]:
        """`document`: a path with its mount. Raises Unavailable."""
        answer = await self._read(document, await self._login())
        if answer.status == 403 and self._can_sign_in():  # revoked, perhaps; a permission that is missing stays missing
            self._forget()
            answer = await self._read(document, await self._login())
        if answer.status == 403:
            raise refused(answer, _WHAT, "see that the token's policy may read the path, with data/ behind the mount")
        if answer.status == 404:
            raise Unavailable("Vault has no such secret, or its latest version is deleted: see the path, and secrets.vault.mount")
        if answer.status != 200:
            raise refused(answer, _WHAT)
        read = answer.json(_Read, _WHAT)
        fields = (read.data or {}).get("data")
        if not isinstance(fields, dict):
            raise Unavailable("Vault gave no key/value secret of version 2: see the path, and secrets.vault.mount")
        left = self._over - self._means.clock.monotonic()
        lives = [life for life in (read.lease_duration, left) if 0 < life < inf]
        return Fetched(Document(encode(fields).decode()), min(lives) if lives else None)

    async def _read(self, document: str, token: str) -> Answer:
        return await self._ask(b"GET", self._path(document), token=token)

    def _path(self, document: str) -> str:
        mount = (self._said.mount or document.partition("/")[0]).strip("/")
        inside = document.removeprefix(f"{mount}/")
        return f"{mount}/{inside}" if inside.startswith("data/") else f"{mount}/data/{inside}"

    async def _ask(self, method: bytes, path: str, body: Any = None, token: str = "") -> Answer:
        headers = {"X-Vault-Request": "true", "Accept": "application/json"}
        if token:
            headers["X-Vault-Token"] = token
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = b"" if body is None else encode(body)
        return await self._means.http.send(_WHAT, method, self._base + path, headers, data, largest=LARGEST)

    async def _login(self) -> str:
        """A token that is good now. One task at a time looks for one."""
        async with self._lock:
            now = self._means.clock.monotonic()
            if now < self._due:
                return self._token
            if self._token and now < self._over and self._renewable and await self._renewed():
                return self._token
            try:
                await self._sign_in()
            except Unavailable:
                if not self._token or now >= self._over:
                    raise
            return self._token

    async def _renewed(self) -> bool:
        try:
            answer = await self._ask(b"POST", "auth/token/renew-self", {}, self._token)
            if answer.status != 200:
                return False
            given = answer.json(_Login, _WHAT).auth
        except Unavailable:
            return False
        before = self._over
        self._keep(self._token, given.lease_duration, renewable=given.renewable)
        return self._over > before or not self._can_sign_in()  # at the end of its longest life renewing brings nothing more

    async def _sign_in(self) -> None:
        said = self._said
        if said.approle is not None:
            body = {"role_id": said.approle.role_id}
            if said.approle.secret_id is not None:
                body["secret_id"] = said.approle.secret_id.reveal()
            await self._log_in(said.approle.mount, body, "see secrets.vault.approle")
        elif said.kubernetes is not None:
            jwt = await read_secret(
                said.kubernetes.token_file, "the service account's token (secrets.vault.kubernetes.token_file)"
            )
            await self._log_in(said.kubernetes.mount, {"role": said.kubernetes.role, "jwt": jwt}, "see secrets.vault.kubernetes")
        else:
            await self._look_up(await self._given())

    async def _log_in(self, mount: str, body: dict[str, str], hint: str) -> None:
        answer = await self._ask(b"POST", f"auth/{mount.strip('/')}/login", body)
        if answer.status != 200:
            raise refused(answer, _WHAT, hint)
        given = answer.json(_Login, _WHAT).auth
        self._keep(usable(given.client_token, _WHAT), given.lease_duration, renewable=given.renewable)

    async def _given(self) -> str:
        if self._said.token is not None:
            return self._said.token.reveal()
        if self._said.token_file is not None:
            return usable(await read_secret(self._said.token_file, "secrets.vault.token_file"), "secrets.vault.token_file")
        token = self._means.variable("VAULT_TOKEN")
        if not token:
            raise Unavailable(
                "Vault needs secrets.vault.token, token_file, approle or kubernetes, or VAULT_TOKEN in the environment"
            )
        return usable(token, "VAULT_TOKEN")

    async def _look_up(self, token: str) -> None:
        """How long a token lives that somebody else made. One that may not ask about itself is simply used."""
        answer = await self._ask(b"GET", "auth/token/lookup-self", token=token)
        own = answer.json(_Lookup, _WHAT).data if answer.status == 200 else _Own()
        self._keep(token, own.ttl, renewable=own.renewable)

    def _keep(self, token: str, life: float, *, renewable: bool) -> None:
        now = self._means.clock.monotonic()
        self._token, self._renewable = token, renewable
        self._due, self._over = (now + life * 2 / 3, now + life) if life > 0 else (inf, inf)
        if self._said.token_file is not None:  # an agent renews it, and writes another one at any time
            self._due = min(self._due, now)

    def _can_sign_in(self) -> bool:
        return bool(self._said.approle or self._said.kubernetes or self._said.token_file)

    def _forget(self) -> None:
        self._token, self._due, self._over = "", -inf, -inf

"""Secret stores as small servers: Vault, AWS Secrets Manager, Google Secret Manager, Azure Key Vault."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from llm_gateway.http.request import Request
from serving import serving

JSON = b"Content-Type: application/json\r\n"


@dataclass
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeStore:
    """What all of them have: a URL, what was asked, whether they are down or slow."""

    url: str = ""
    seen: list[Asked] = field(default_factory=list)
    down: bool = False
    delay: float = 0.0

    async def __call__(self, request: Request) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in request.headers.items()}
        query = dict(parse_qsl(request.query.decode()))
        asked = Asked(request.method.decode(), request.path.decode(), query, headers, bytes(request.body))
        self.seen.append(asked)
        if self.delay:
            await asyncio.sleep(self.delay)
        status, document = (503, {"errors": ["down"]}) if self.down else self.answer(asked)
        request.reply.whole(status, JSON, msgspec.json.encode(document))

    def answer(self, asked: Asked) -> tuple[int, Any]:
        raise NotImplementedError

    def asked_for(self, part: str) -> int:
        return sum(part in asked.path for asked in self.seen)


@dataclass
class FakeVault(FakeStore):
    """KV v2 under any mount; tokens with a life, AppRole and Kubernetes logins."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=lambda: {"root-token": {"ttl": 0, "renewable": False}})
    roles: dict[str, str] = field(default_factory=dict)
    namespace: str = ""
    lease: int = 100
    renewable: bool = True
    renewals: int = 0

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("x-vault-namespace", "") != self.namespace:
            return 404, {"errors": ["no handler for route"]}
        if asked.path.startswith("/v1/auth/") and asked.path.endswith("/login"):
            return self._login(asked)
        token = asked.headers.get("x-vault-token", "")
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if asked.path == "/v1/auth/token/lookup-self":
            return 200, {"data": self.tokens[token]}
        if asked.path == "/v1/auth/token/renew-self":
            self.renewals += 1
            return 200, {"auth": {"client_token": token, "lease_duration": self.lease, "renewable": self.renewable}}
        name = asked.path.removeprefix("/v1/")
        if name not in self.secrets:
            return 404, {"errors": []}
        return 200, {"lease_duration": 0, "data": {"data": self.secrets[name], "metadata": {"version": 1}}}

    def _login(self, asked: Asked) -> tuple[int, Any]:
        body = msgspec.json.decode(asked.body)
        role, proof = body.get("role_id") or body.get("role"), body.get("secret_id") or body.get("jwt")
        if self.roles.get(role) != proof:
            return 400, {"errors": ["invalid role or secret ID"]}
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = {"ttl": self.lease, "renewable": self.renewable}
        return 200, {"auth": {"client_token": token, "lease_duration": self.lease, "renewable": self.renewable}}


@dataclass
class FakeAws(FakeStore):
    """GetSecretValue, whose signature botocore makes again and compares."""

    secrets: dict[tuple[str, str], str | bytes] = field(default_factory=dict)
    access_key: str = "AKIDEXAMPLE"
    secret_key: str = "secret-of-aws"

    def answer(self, asked: Asked) -> tuple[int, Any]:
        region = self.signed_for(asked)
        if region is None:
            return 400, {"__type": "InvalidSignatureException"}
        if asked.headers.get("x-amz-target") != "secretsmanager.GetSecretValue":
            return 400, {"__type": "UnknownOperationException"}
        body = msgspec.json.decode(asked.body)
        value = self.secrets.get((body["SecretId"], body.get("VersionStage", "AWSCURRENT")))
        if value is None:
            return 400, {"__type": "ResourceNotFoundException"}
        if isinstance(value, bytes):
            return 200, {"SecretBinary": b64encode(value).decode()}
        return 200, {"SecretString": value, "Name": body["SecretId"]}

    def signed_for(self, asked: Asked) -> str | None:
        """The region of a good signature."""
        given = asked.headers.get("authorization", "")
        scope = given.partition("Credential=")[2].partition(",")[0].split("/")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        if len(scope) != 5 or scope[3] != "secretsmanager" or not {"host", "x-amz-date", "x-amz-target"} <= set(names):
            return None
        request = AWSRequest(asked.method, f"{self.url}{asked.path}", {name: asked.headers[name] for name in names}, asked.body)
        request.context["timestamp"] = asked.headers["x-amz-date"]
        auth = SigV4Auth(Credentials(self.access_key, self.secret_key), "secretsmanager", scope[2])
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        return scope[2] if given.endswith(f"Signature={signature}") else None


@dataclass
class FakeGoogle(FakeStore):
    """Token endpoint and versions.access."""

    secrets: dict[str, bytes] = field(default_factory=dict)
    checksum: Any = None

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.path == "/token":
            return 200, {"access_token": "google-token", "expires_in": 3600}
        if asked.headers.get("authorization") != "Bearer google-token":
            return 401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
        name = asked.path.removeprefix("/v1/").removesuffix(":access")
        if name not in self.secrets:
            return 404, {"error": {"code": 404, "status": "NOT_FOUND"}}
        payload = {"data": b64encode(self.secrets[name]).decode()}
        if self.checksum is not None:
            payload["dataCrc32c"] = self.checksum
        return 200, {"name": name, "payload": payload}


@dataclass
class FakeAzure(FakeStore):
    """Entra's token endpoint and Get Secret."""

    secrets: dict[str, str] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.path.endswith("/oauth2/v2.0/token"):
            self.scopes.append(dict(parse_qsl(asked.body.decode()))["scope"])
            return 200, {"access_token": "azure-token", "expires_in": 3600}
        if asked.headers.get("authorization") != "Bearer azure-token" or asked.query.get("api-version") != "7.4":
            return 401, {"error": {"code": "Unauthorized"}}
        name = asked.path.removeprefix("/")
        if name not in self.secrets:
            return 404, {"error": {"code": "SecretNotFound"}}
        return 200, {"value": self.secrets[name], "id": name, "attributes": {"enabled": True}}


@asynccontextmanager
async def running(store: Any) -> AsyncIterator[Any]:
    """The store, answering on a free port."""
    async with serving(store) as server:
        store.url = f"http://127.0.0.1:{server.port}"
        yield store

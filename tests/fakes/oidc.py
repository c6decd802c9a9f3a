"""An identity provider for tests: a real HTTP server with discovery, keys and introspection, which signs whatever it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import msgspec
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from llm_gateway.http.request import Request
from llm_gateway.http.server import Server, ServerLimits

KINDS = {"RS256": ("RSA", 2048), "PS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
JSON = b"Content-Type: application/json\r\n"


@cache
def key_of(kind: str, size: Any, number: int) -> Key:
    """The same key for all tests of a process: making an RSA key takes a while."""
    return {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}[kind].generate_key(size, private=True)


def segment(data: bytes) -> bytes:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(header: dict[str, Any], claims: Any, key: Any, algorithm: str | None = None) -> bytes:
    """A token with exactly this header and these claims, signed as `algorithm` says (the header's own if None)."""
    payload = claims if isinstance(claims, bytes) else msgspec.json.encode(claims)
    said = segment(msgspec.json.encode(header)) + b"." + segment(payload)
    signature = JWSRegistry.algorithms[algorithm or header["alg"]].sign(said, key)
    return said + b"." + segment(signature)


class Provider:
    """One issuer. `keys`: key id -> (algorithm, key); what is in it is published."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, tuple[str, Key]] = {}
        self.asked: list[str] = []
        self.bodies: list[dict[str, list[str]]] = []
        self.authorizations: list[bytes] = []
        self.down = False
        self.cache_control = b""
        self.issuer: str | None = None
        self.extra_keys: list[Any] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.hold: asyncio.Event | None = None
        self.add("one", "RS256")

    def add(self, kid: str, algorithm: str, number: int = 0) -> Key:
        """Publish a key from now on."""
        key = key_of(*KINDS[algorithm], number)
        self.keys[kid] = (algorithm, key)
        return key

    def token(self, claims: dict[str, Any], kid: str = "one", **header: Any) -> bytes:
        """Signed with the key of this id."""
        algorithm, key = self.keys[kid]
        return signed({"alg": algorithm, "kid": kid, "typ": "JWT", **header}, {"iss": self.url, "sub": "alice", **claims}, key)

    def published(self) -> list[Any]:
        return [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, (_, key) in self.keys.items()] + self.extra_keys

    async def __call__(self, request: Request) -> None:
        path = request.path.decode()
        self.asked.append(path)
        if self.hold is not None:
            await self.hold.wait()
        reply = request.reply
        if self.down:
            reply.whole(503, b"", b"")
        elif path == "/.well-known/openid-configuration":
            document = {"issuer": self.issuer or self.url, "jwks_uri": self.url + "/keys"}
            reply.whole(200, JSON, msgspec.json.encode(document))
        elif path == "/keys":
            reply.whole(200, JSON + self.cache_control, msgspec.json.encode({"keys": self.published()}))
        elif path == "/introspect":
            self.authorizations.append(request.headers.get(b"authorization", b""))
            fields = parse_qs(request.body.decode())
            self.bodies.append(fields)
            reply.whole(200, JSON, msgspec.json.encode(self.answers.get(fields["token"][0], {"active": False})))
        else:
            reply.whole(404, b"", b"")


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """An issuer on a free port of this machine."""
    provider = Provider()
    server = Server(provider, ServerLimits())
    await server.start("127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.port}"
    try:
        yield provider
    finally:
        if provider.hold is not None:
            provider.hold.set()
        await server.drain(0)

"""An identity provider for tests: a real HTTP server with discovery, keys and introspection, which signs whatever it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

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
        self.codes: dict[str, tuple[dict[str, str], bytes]] = {}
        self.methods = ["client_secret_basic"]
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

    def code(self, address: str, **claims: Any) -> dict[str, str]:
        """Somebody who was sent to `address` signs in; what his browser brings back. `claims` change those of his ID token; a
        claim that is None is left out; `token` is an ID token as it is.
        """
        asked = dict(parse_qsl(urlsplit(address).query))
        token = claims.pop("token", None)
        said = {"aud": asked["client_id"], "nonce": asked["nonce"], "exp": 4_000_000_000, "iat": 1_600_000_000, **claims}
        made = token or self.token({name: value for name, value in said.items() if value is not None})
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked, made
        return {"code": code, "state": asked["state"]}

    def redeem(self, fields: dict[str, list[str]], authorization: bytes) -> tuple[int, Any]:
        """What the token endpoint answers; a code is good once, for who asked for it, with the verifier of its challenge."""
        import hashlib

        given = {name: values[0] for name, values in fields.items()}
        asked, token = self.codes.pop(given.get("code", ""), ({}, b""))
        challenge = segment(hashlib.sha256(given.get("code_verifier", "").encode()).digest()).decode()
        if not asked or challenge != asked["code_challenge"] or given.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        self.authorizations.append(authorization)
        return 200, {"id_token": token.decode(), "access_token": "x", "token_type": "Bearer"}

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
            document = {
                "issuer": self.issuer or self.url,
                "jwks_uri": self.url + "/keys",
                "authorization_endpoint": self.url + "/authorize",
                "token_endpoint": self.url + "/token",
                "token_endpoint_auth_methods_supported": self.methods,
            }
            reply.whole(200, JSON, msgspec.json.encode(document))
        elif path == "/keys":
            reply.whole(200, JSON + self.cache_control, msgspec.json.encode({"keys": self.published()}))
        elif path == "/token":
            fields = parse_qs(request.body.decode())
            self.bodies.append(fields)
            status, answer = self.redeem(fields, request.headers.get(b"authorization", b""))
            reply.whole(status, JSON, msgspec.json.encode(answer))
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

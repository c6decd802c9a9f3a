"""Requests to the operators' port as uvicorn gives them."""

from __future__ import annotations

from starlette.requests import Request

from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.signing import signature_of, signing_secret
from whole_gateway import PEPPER

GATEWAY, ADMIN, LOOKS = "sk-gateway-0123456789abcdef", "sk-admin-0123456789abcdef", "sk-readonly-0123456789abcdef"
KEYS = [
    {"name": "g", "key": GATEWAY},
    {"name": "a", "key": ADMIN, "kind": "admin"},
    {"name": "r", "key": LOOKS, "kind": "readonly"},
]


def request(key: str = "", method: str = "GET", path: bytes = b"/admin/v1/keys", body: bytes = b"", **headers: str) -> Request:
    """As uvicorn gives it: the body comes once."""
    fields = {**({"authorization": f"Bearer {key}"} if key else {}), **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path.decode(),
        "raw_path": path,
        "query_string": b"limit=5",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()],
        "client": ("127.0.0.1", 1),
    }
    messages = iter([{"type": "http.request", "body": body}])

    async def receive():
        return next(messages)

    return Request(scope, receive)


def signed(key: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a signed POST."""
    pepper = Pepper(PEPPER)
    secret = signing_secret(pepper, pepper.digest(key.encode()))
    signature = signature_of(secret, b"POST", b"/admin/v1/keys?limit=5", at, body)
    return {"x_timestamp": str(at), "x_signature": signature}

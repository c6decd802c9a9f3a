"""Scopes, tenants and their own provider keys, on every route of a whole gateway."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from llm_gateway.core.scopes import ASKING, DATA
from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import CHAT, Gateway, answer, chat, one_provider, request, said, whole_gateway

FULL = "sk-gateway-full-0123456789"
LIMITED = "sk-gateway-limited-0123456789"
READER = "sk-readonly-0123456789"
GEMINI = {"contents": [{"parts": [{"text": "hi"}]}]}
TEXT = {"model": "m", "input": "hi"}
ROUTES: list[tuple[str, str, str, Any]] = [
    ("POST", CHAT, "chat:create", chat()),
    ("POST", "/v1/completions", "chat:create", {"model": "m", "prompt": "hi"}),
    ("POST", "/v1/responses", "chat:create", TEXT),
    ("POST", "/v1/messages", "chat:create", {**chat(), "max_tokens": 5}),
    ("POST", "/v1/messages/count_tokens", "chat:create", chat()),
    ("POST", "/v1beta/models/m:generateContent", "chat:create", GEMINI),
    ("POST", "/v1beta/models/m:streamGenerateContent", "chat:create", GEMINI),
    ("POST", "/api/chat", "chat:create", chat()),
    ("POST", "/api/generate", "chat:create", {"model": "m", "prompt": "hi"}),
    ("POST", "/v1/embeddings", "embeddings:create", TEXT),
    ("POST", "/v2/embed", "embeddings:create", {"model": "m", "texts": ["hi"]}),
    ("POST", "/api/embed", "embeddings:create", TEXT),
    ("POST", "/api/embeddings", "embeddings:create", {"model": "m", "prompt": "hi"}),
    ("POST", "/v1beta/models/m:embedContent", "embeddings:create", {"content": {"parts": [{"text": "hi"}]}}),
    ("POST", "/v1/rerank", "rerank:create", {"model": "m", "query": "q", "documents": ["d"]}),
    ("POST", "/v2/rerank", "rerank:create", {"model": "m", "query": "q", "documents": ["d"]}),
    ("POST", "/v1/images/generations", "images:create", {"model": "m", "prompt": "p"}),
    ("POST", "/v1/audio/speech", "audio:create", {"model": "m", "input": "hi", "voice": "v"}),
    ("POST", "/v1/moderations", "moderations:create", TEXT),
    ("POST", "/v1/ocr", "documents:create", {"model": "m", "document": {}}),
    ("GET", "/v1/files", "files:read", None),
    ("GET", "/v1/files/f1", "files:read", None),
    ("DELETE", "/v1/files/f1", "files:write", None),
    ("GET", "/v1/batches", "batches:read", None),
    ("POST", "/v1/batches", "batches:create", {"input_file_id": "f"}),
    ("POST", "/v1/batches/b1/cancel", "batches:create", {}),
    ("GET", "/v1/responses/resp_1", "responses:read", None),
    ("DELETE", "/v1/responses/resp_1", "responses:write", None),
    ("POST", "/v1/responses/resp_1/cancel", "responses:write", {}),
    ("GET", "/v1/models", "models:read", None),
    ("GET", "/v1/models/m", "models:read", None),
    ("GET", "/v1beta/models", "models:read", None),
    ("GET", "/v1beta/models/m", "models:read", None),
    ("GET", "/api/tags", "models:read", None),
    ("GET", "/api/ps", "models:read", None),
    ("POST", "/api/show", "models:read", {"model": "m"}),
    ("GET", "/v1/routing/decisions", "routing:read", None),
    ("GET", "/v1/routing/decisions/x", "routing:read", None),
    ("POST", "/v1/routing/explain", "routing:read", chat()),
    ("GET", "/health/providers", "health:read", None),
    ("POST", "/passthrough/a/v1/x", "passthrough:use", {}),
    ("GET", "/passthrough/a/v1/x", "passthrough:use", None),
]


def document(url: str) -> dict[str, Any]:
    made = one_provider(url)
    made["providers"]["a"]["passthrough"] = {"paths": ["/v1/x"]}
    made["files"] = {"provider": "a"}
    full = {"name": "full", "key": FULL, "passthrough": ["*"]}
    made["auth"]["keys"] = [full, {"name": "reader", "key": READER, "kind": "readonly", "passthrough": ["*"]}]
    return made


async def asked(gateway: Gateway, method: str, path: str, body: Any, key: str) -> tuple[int, bytes]:
    head = f"Authorization: Bearer {key}\r\n"
    async with connected(gateway.port) as raw:
        if method == "POST":
            raw.send(request(path, body, head))
        else:
            raw.send(f"{method} {path} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n{head}\r\n".encode())
        status, _, said_back = await raw.reply()
    return status, said_back


def refused(status: int, body: bytes) -> bool:
    return status == 403 and b"scope" in body


def test_each_route_asks_for_its_scope():
    """A key with every scope but the route's own is refused there before anybody is asked; one with it alone is not for that."""

    async def main() -> None:
        async with Upstream([ASK, said()] * 60) as upstream, AsyncExitStack() as stack:
            gateways: dict[str, Gateway] = {}
            for scope in sorted({scope for _, _, scope, _ in ROUTES}):
                made = document(upstream.url)
                without = {"name": "without", "key": LIMITED, "scopes": sorted(DATA - {scope}), "passthrough": ["*"]}
                alone = {"name": "alone", "key": LIMITED + "1", "scopes": [scope, "chat:create"], "passthrough": ["*"]}
                made["auth"]["keys"] += [without, alone]
                gateways[scope] = await stack.enter_async_context(whole_gateway(made))
            wrong = []
            for method, path, scope, body in ROUTES:
                before = len(upstream.requests)
                if not refused(*await asked(gateways[scope], method, path, body, LIMITED)) or len(upstream.requests) > before:
                    wrong.append(("let in", method, path))
                if refused(*await asked(gateways[scope], method, path, body, LIMITED + "1")):
                    wrong.append(("kept out", method, path))
            assert not wrong

    run(main)


def test_a_readonly_key_sees_and_changes_nothing():
    """On every route: what is for reading is shown, what costs something is refused."""

    async def main() -> None:
        async with Upstream([ASK, said()] * 60) as upstream, whole_gateway(document(upstream.url)) as gateway:
            for method, path, scope, body in ROUTES:
                assert refused(*await asked(gateway, method, path, body, READER)) is (
                    scope in ASKING or path == "/v1/routing/explain"
                ), path

    run(main)


OWN = {"error": {"message": "bad key", "type": "invalid_request_error", "code": "invalid_api_key"}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, chat()),
        ("/v1/messages", {**chat(), "max_tokens": 5}),
        ("/v1/images/generations", {"model": "m", "prompt": "p"}),
        ("/passthrough/a/v1/x", {"model": "real"}),
    ],
)
def test_a_tenants_requests_go_out_with_its_own_key(path, body):
    """And those of others with the account's. The tenant's bad key pauses nobody."""

    async def main() -> None:
        bad = answer(OWN, "401 Unauthorized")
        async with Upstream([ASK, bad, ASK, said()]) as upstream:
            made = document(upstream.url)
            made["tenants"] = {"acme": {"provider_keys": {"a": "sk-theirs"}}, "other": {}}
            theirs = {"name": "theirs", "key": LIMITED, "tenant": "acme", "passthrough": ["*"]}
            made["auth"]["keys"].append(theirs)
            async with whole_gateway(made) as gateway:
                status, _ = await asked(gateway, "POST", path, body, LIMITED)
                assert status >= 400
                assert (await asked(gateway, "POST", path, body, FULL))[0] == 200
                first, second = (data for _, data in upstream.requests[:2])
                assert b"Authorization: Bearer sk-theirs\r\n" in first
                assert b"sk-provider-secret" not in first
                assert b"Authorization: Bearer sk-provider-secret\r\n" in second

    run(main)


def test_an_owner_is_an_id():
    """Two keys of one name do not see each other's decisions; what a rotated key made, its successor sees (C25)."""

    async def main() -> None:
        async with Upstream([ASK, said()] * 60) as upstream, whole_gateway(document(upstream.url)) as gateway:
            await asked(gateway, "POST", CHAT, chat(), FULL)
            mine = msgspec.json.decode((await asked(gateway, "GET", "/v1/routing/decisions", None, FULL))[1])
            theirs = msgspec.json.decode((await asked(gateway, "GET", "/v1/routing/decisions", None, READER))[1])
            assert (len(mine["data"]), len(theirs["data"])) == (1, 0)

    run(main)


def test_a_blocked_end_user_gets_nothing():
    """On every kind of path, by whatever names him; the tenant's others, and the same name elsewhere, are served."""

    async def main() -> None:
        async with Upstream([ASK, said()] * 60) as upstream:
            made = document(upstream.url)
            made["tenants"] = {"acme": {"end_users": {"eve": {"blocked": True}}}}
            made["auth"]["keys"].append({"name": "theirs", "key": LIMITED, "tenant": "acme", "passthrough": ["*"]})
            async with whole_gateway(made) as gateway:
                head = f"Authorization: Bearer {LIMITED}\r\n"
                for path, body in ((CHAT, chat()), ("/passthrough/a/v1/x", {"model": "real"}), ("/v1/moderations", TEXT)):
                    status, _, told = await gateway.post(path, body, head + "X-Gateway-User: eve\r\n")
                    assert (status, b"user_blocked" in told) == (403, True), path
                assert (await gateway.post(CHAT, chat(user="eve"), head))[0] == 403
                assert not upstream.requests
                assert (await gateway.post(CHAT, chat(user="bob"), head))[0] == 200
                assert (await gateway.post(CHAT, chat(user="eve"), f"Authorization: Bearer {FULL}\r\n"))[0] == 200

    run(main)


@pytest.mark.parametrize("where", ["tenant", "project"])
def test_a_disabled_tenant_or_project(where):
    """Its keys are good, and refused with 403 wherever they come."""

    async def main() -> None:
        async with Upstream([ASK, said()] * 60) as upstream:
            made = document(upstream.url)
            made["tenants"] = {"acme": {"disabled": where == "tenant", "projects": {"web": {"disabled": where == "project"}}}}
            made["auth"]["keys"].append({"name": "theirs", "key": LIMITED, "tenant": "acme", "project": "web"})
            async with whole_gateway(made) as gateway:
                for method, path, _, body in ROUTES:
                    status, told = await asked(gateway, method, path, body, LIMITED)
                    assert status == 403, path
                    assert f"The {where} that this API key belongs to".encode() in told, path
                assert not upstream.requests

    run(main)

"""Which provider types there are."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from llm_gateway.providers.declared import FOLDER
from llm_gateway.providers.registry import COMPILED_TYPES, PROVIDER_TYPES, types_of
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from whole_gateway import CHAT, KEY, chat, config_of, said, streamed, whole_gateway


def document(url: str, *, path: str = "/talk", model: str = "mine/real") -> dict[str, Any]:
    """A configuration whose one provider is of a type that it declares itself."""
    return {
        "provider_types": {
            "homegrown": {
                "endpoints": {"openai_chat": {"path": path, "stream_path": f"{path}/live?sse=1"}},
                "auth": {"header": "X-Own-Key"},
                "headers": {"X-Client": "gateway"},
                "account_headers": {"project": "X-Project"},
                "forwarded": ["X-Trace"],
                "version": "/v3",
                "quirks": {"max_tokens_field": "max_completion_tokens"},
            },
            "spare": {"endpoints": {"embeddings": "/embed"}},
        },
        "providers": {"mine": {"type": "homegrown", "base_url": url, "api_key": "sk-provider-secret", "project": "p1"}},
        "models": {"m": {"deployments": [model], "retries": 0}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
    }


def test_every_file_and_every_module_is_a_type() -> None:
    """Compiled and declared ones under one roof, and no name twice."""
    declared = {file.stem for file in FOLDER.glob("*.yaml")}
    assert set(PROVIDER_TYPES) == declared | set(COMPILED_TYPES)
    assert declared & set(COMPILED_TYPES) == set()
    assert all(name == kind.name for name, kind in PROVIDER_TYPES.items())


def test_a_configuration_adds_its_own() -> None:
    """Its types beside the others; none: the others as they are."""
    types = types_of(config_of(document("http://127.0.0.1:1")))
    assert set(types) == {*PROVIDER_TYPES, "homegrown", "spare"}
    assert types_of(config_of({})) is PROVIDER_TYPES


def test_a_provider_of_ones_own_type_is_asked() -> None:
    """YAML alone adds a provider: its paths, its headers, its quirks, whole and streamed; a reload changes it."""

    async def main() -> None:
        script = [ASK, said("whole"), ASK, streamed(), ASK, said("translated"), ASK, said("moved")]
        async with Server(script) as upstream, whole_gateway(document(upstream.url)) as gateway:
            headers = f"Authorization: Bearer {KEY}\r\nX-Trace: t1\r\nX-Other: o1\r\n"
            status, _, body = await gateway.post(CHAT, chat(), headers)
            assert (status, b"whole" in body) == (200, True)
            status, _, body = await gateway.post(CHAT, chat(stream=True), headers)
            assert (status, b"hello" in body, body.endswith(b"data: [DONE]\n\n")) == (200, True, True)
            asked = {"model": "m", "max_tokens": 7, "messages": [{"role": "user", "content": "hi"}]}
            status, _, body = await gateway.post("/v1/messages", asked, headers)
            assert (status, b"translated" in body) == (200, True)
            gateway.reload(document(upstream.url, path="/elsewhere"))
            status, _, body = await gateway.post(CHAT, chat(), headers)
            assert (status, b"moved" in body) == (200, True)
        heads = [request.partition(b"\r\n\r\n")[0] for _, request in upstream.requests]
        assert [head.split(b"\r\n")[0] for head in heads] == [
            b"POST /v3/talk HTTP/1.1",
            b"POST /v3/talk/live?sse=1 HTTP/1.1",
            b"POST /v3/talk HTTP/1.1",
            b"POST /v3/elsewhere HTTP/1.1",
        ]
        for line in (b"X-Own-Key: sk-provider-secret", b"X-Client: gateway", b"X-Project: p1"):
            assert all(line in head for head in heads)
        assert not any(b"Authorization" in head or KEY.encode() in head or b"o1" in head for head in heads)
        assert b"t1" in heads[0]
        translated = msgspec.json.decode(upstream.requests[2][1].partition(b"\r\n\r\n")[2])
        assert (translated["max_completion_tokens"], "max_tokens" in translated) == (7, False)

    asyncio.run(main())

"""Routing rules over HTTP: what a caller sends and who it is decide where the request goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from scripted_upstream import ASK, Upstream
from whole_gateway import BEARER, CHAT, KEY, Gateway, chat, said, whole_gateway

OTHER_KEY = "sk-gateway-tests-9876543210"
OTHER = f"Authorization: Bearer {OTHER_KEY}\r\n"


def document(url: str, *rules: dict[str, Any]) -> dict[str, Any]:
    """Three models at one provider, two keys, and rules."""
    return {
        "providers": {"a": {"type": "openai_compatible", "base_url": url, "api_key": "sk-provider-secret"}},
        "models": {"m": "a/plain", "big": "a/large", "new": "a/newer"},
        "auth": {"keys": [{"name": "tests", "key": KEY, "tenant": "acme", "tags": ["vip"]}, {"name": "other", "key": OTHER_KEY}]},
        "routing": {"rules": list(rules)},
    }


def with_rules(*rules: dict[str, Any], test: Callable[[Gateway], Awaitable[None]]) -> list[str]:
    """Run `test` against a gateway with these rules; the models that the provider was asked for."""

    async def run() -> list[str]:
        async with Upstream([step for _ in range(50) for step in (ASK, said())]) as upstream:
            async with whole_gateway(document(upstream.url, *rules)) as gateway:
                await test(gateway)
            return [msgspec.json.decode(body.partition(b"\r\n\r\n")[2])["model"] for _, body in upstream.requests]

    return asyncio.run(run())


def test_where_a_request_goes() -> None:
    """By tools, by a header, by tenant, by what it is expected to be; else to where it asked for."""

    async def ask(gateway: Gateway) -> None:
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        await gateway.post(CHAT, chat())
        await gateway.post(CHAT, chat(tools=[tool]))
        await gateway.post(CHAT, chat(), headers=BEARER + "X-Team: ml\r\n")
        await gateway.post(CHAT, chat(), headers=OTHER + "X-Team: ml\r\n")
        await gateway.post(CHAT, chat(messages=[{"role": "user", "content": "word " * 3000}]))

    models = with_rules(
        {"name": "tools", "when": "needs tools", "then": {"route": "new"}},
        {"name": "team", "when": 'header("X-Team") == "ml" and tenant == "acme"', "then": {"route": "big"}},
        {"name": "long", "when": {"model": "m", "tokens": {"gt": 1000}}, "then": {"route": "a/huge"}},
        test=ask,
    )
    assert models == ["plain", "newer", "large", "plain", "huge"]


def test_a_rule_refuses() -> None:
    """403 with the rule's reason and its name; nobody is asked."""

    async def ask(gateway: Gateway) -> None:
        status, _, body = await gateway.post(CHAT, chat())
        error = msgspec.json.decode(body)["error"]
        assert (status, error["code"]) == (403, "rejected_by_rule")
        assert "Ask your manager." in error["message"]
        status, _, _ = await gateway.post(CHAT, chat(), headers=OTHER)
        assert status == 200

    rule = {"name": "no", "when": 'tags contains "vip"', "then": {"reject": "Ask your manager."}}
    assert with_rules(rule, test=ask) == ["plain"]


def test_a_session_keeps_its_side_of_a_split() -> None:
    """Sessions are divided; each stays where it is."""

    async def ask(gateway: Gateway) -> None:
        for number in range(20):
            for _ in range(2):
                await gateway.post(CHAT, chat(), headers=f"{BEARER}X-Session-ID: s{number}\r\n")

    sides = [{"route": "big", "percent": 50}, {"route": "new", "percent": 50}]
    models = with_rules({"name": "ab", "when": 'model == "m"', "then": {"split": sides}}, test=ask)
    assert set(models) == {"large", "newer"}
    assert models[::2] == models[1::2]

"""What realtime sessions spend, through a real gateway: charged as they go, ended when a budget or a key is, and all of it in the
ledger, whatever dies.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import SimulatorOptions, running_simulator

ADMIN = "sk-admin-tests-0123456789abcdef"
SPENDER = "sk-gateway-spender-0123456789abcdef"
INPUT, OUTPUT = 1_000, 10_000
"""Nano-dollars of a token."""
BUDGET = 0.012


def config(url: str) -> dict[str, Any]:
    prices = {"input": INPUT / 1000, "cache_read": INPUT / 1000, "output": OUTPUT / 1000}
    keys = [
        {"name": "spender", "key": SPENDER, "budgets": [{"amount": BUDGET, "period": "total"}]},
        {"name": "root", "kind": "admin", "key": ADMIN},
    ]
    return {
        "providers": {"sim": {"type": "openai", "base_url": f"{url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"voice": {"deployments": ["sim/priced"], "retries": 0}},
        "catalogue": {"models": {"sim/priced": {"prices": prices}}},
        "auth": {"keys": keys},
    }


def admin(gateway: GatewayProcess, method: str, path: str, body: Any = None) -> Any:
    assert gateway.admin is not None
    connection = http.client.HTTPConnection("127.0.0.1", int(gateway.admin.rpartition(":")[2]), timeout=30)
    try:
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
        answer = connection.getresponse()
        assert answer.status < 300
        return msgspec.json.decode(answer.read() or b"null")
    finally:
        connection.close()


def rows(gateway: GatewayProcess, key: str, holds: Callable[[list[Any]], bool]) -> list[Any]:
    """The key's rows in the ledger, once they are as they should be."""
    end = time.monotonic() + 30
    while True:
        found = admin(gateway, "GET", f"/admin/v1/ledger?key={key}")["data"]
        if holds(found) or time.monotonic() > end:
            return list(found)
        time.sleep(0.05)


async def dial(gateway: GatewayProcess, key: str) -> ClientConnection:
    """A session; a new key may take a moment to be known."""
    url = f"{gateway.url.replace('http', 'ws')}/v1/realtime?model=voice"
    end = time.monotonic() + 30
    while True:
        try:
            return await connect(url, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None, ping_interval=None)
        except Exception:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)


async def event(session: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(await asyncio.wait_for(session.recv(), 30))
    return found


async def answered(session: ClientConnection) -> dict[str, Any]:
    """What one more answer used, or the error that ended the session instead."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "[tokens=30]"}]}
    with suppress(ConnectionClosed):  # it may have been ended already, and say so in what can still be read
        await session.send(msgspec.json.encode({"type": "conversation.item.create", "item": item}).decode())
        await session.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
    while True:
        found = await event(session)
        if found["type"] == "error":
            return dict(found["error"])
        if found["type"] == "response.done":
            return dict(found["response"]["usage"])


def cost(usage: dict[str, Any]) -> int:
    return int(usage["input_tokens"] * INPUT + usage["output_tokens"] * OUTPUT)


async def spend(gateway: GatewayProcess) -> tuple[list[dict[str, Any]], dict[str, Any], Any]:
    """All the answers that a budget allowed, the error that ended the session, and its goodbye."""
    session = await dial(gateway, SPENDER)
    told: list[dict[str, Any]] = []
    try:
        while "code" not in (found := await answered(session)):
            told.append(found)
        while True:
            await event(session)
    except ConnectionClosed as end:
        return told, found, end.rcvd


async def revoke(gateway: GatewayProcess) -> tuple[str, float, int, Any]:
    """A session whose key is revoked: the key's id, seconds until its end, what it cost, and its goodbye."""
    made = admin(gateway, "POST", "/admin/v1/keys", {"name": "fresh"})
    session = await dial(gateway, made["key"])
    spent = cost(await answered(session))
    await asyncio.to_thread(admin, gateway, "POST", f"/admin/v1/keys/{made['id']}/revoke")
    began = time.monotonic()
    try:
        while True:
            await event(session)
    except ConnectionClosed as end:
        return made["id"], time.monotonic() - began, spent, end.rcvd


async def crash(gateway: GatewayProcess) -> tuple[str, int]:
    """A session whose worker is killed: the key's id, and what was told of its cost before."""
    made = admin(gateway, "POST", "/admin/v1/keys", {"name": "unlucky"})
    session = await dial(gateway, made["key"])
    spent = sum([cost(await answered(session)) for _ in range(3)])
    os.kill(gateway.worker, signal.SIGKILL)
    try:
        while True:
            await event(session)
    except ConnectionClosed:
        return made["id"], spent


@pytest.mark.long
@pytest.mark.timeout(180)
def test_sessions_are_charged_as_they_go(tmp_path: Path) -> None:
    """A budget stops a session after as many answers as it pays for; a revoked key stops one within the second that the documents
    say (ten on a busy machine); the row of each is the sum of what the provider told, also of one whose worker died.
    """
    with running_simulator(SimulatorOptions()) as simulator, running_gateway(config(simulator.url), tmp_path) as gateway:
        told, error, farewell = asyncio.run(spend(gateway))
        spent = sum(map(cost, told))
        assert (error["type"], error["code"], farewell.code) == ("insufficient_quota", "budget_exceeded", 1008)
        assert "The budget of this API key" in error["message"]
        assert BUDGET * 1e9 - max(map(cost, told)) < spent <= BUDGET * 1e9
        (row,) = rows(gateway, "spender", bool)
        assert (row["status"], row["error"], row["cost_nanodollars"]) == ("cut", "budget_exceeded", spent)

        ident, seconds, spent, farewell = asyncio.run(revoke(gateway))
        assert seconds < 10.0
        assert (farewell.code, farewell.reason) == (1008, "invalid_api_key")
        (row,) = rows(gateway, ident, bool)
        assert (row["status"], row["error"], row["cost_nanodollars"]) == ("cut", "invalid_api_key", spent)

        ident, spent = asyncio.run(crash(gateway))
        (row,) = rows(gateway, ident, bool)
        assert (row["status"], row["cost_nanodollars"], row["estimated"]) == ("interrupted", spent, False)

"""Sessions that run: charged as they go, and only as long as whoever has them may."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden, GatewayError, IdentityUnavailable, Unauthenticated
from llm_gateway.edge.relay import LOOK
from llm_gateway.limits.budgets import BudgetCell
from llm_gateway.simulator import SimulatorOptions
from llm_gateway.worker.sessions import Charged, Standing
from realtime_sessions import between, dial, events, line, say
from serving import run, until
from whole_gateway import KEY, Gateway, chat, one_provider, whole_gateway

INPUT, OUTPUT = 1_000, 10_000
"""Nano-dollars of a token."""
SOON = 10 * LOOK
"""Seconds that this may take on a busy machine; on any other it is done at the next look, within the second that is promised."""
PRICED = {"models": {"a/real": {"prices": {"input": INPUT / 1000, "cache_read": INPUT / 1000, "output": OUTPUT / 1000}}}}


async def answered(session: ClientConnection, text: str = "[tokens=20]") -> dict[str, Any]:
    """What one more answer used."""
    await say(session, text)
    return (await events(session))[-1]["response"]["usage"]


async def rest(session: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """Events until the end, its code and its reason."""
    found = []
    try:
        while True:
            found.append(msgspec.json.decode(await asyncio.wait_for(session.recv(), 20)))
    except ConnectionClosed as end:
        return found, end.rcvd.code if end.rcvd else 0, end.rcvd.reason if end.rcvd else ""


def cost(usage: dict[str, Any]) -> int:
    return int(usage["input_tokens"] * INPUT + usage["output_tokens"] * OUTPUT)


def spent(gateway: Gateway) -> int:
    """Of the only budget that there is, of which nothing is held."""
    (cell,) = (cell for cell in gateway.shared.accounts.book._cells.values() if isinstance(cell, BudgetCell))
    assert cell.reserved == 0
    return cell.spent


def keys(*more: dict[str, Any], **first: Any) -> dict[str, Any]:
    return {"keys": [{"name": "tests", "key": KEY, **first}, *more]}


def test_a_hard_budget_ends_a_session() -> None:
    """When the next answer does not fit: the caller is told which budget and until when, both sides hear a goodbye, the provider is
    not to blame, and what is spent is what the provider told, to the last token.
    """

    async def main() -> None:
        auth = keys(budgets=[{"amount": 0.012, "period": "day"}])
        async with between(auth=auth, catalogue=PRICED) as (gateway, simulator):
            async with dial(gateway) as session:
                await events(session, "session.created")
                told = []
                with suppress(ConnectionClosed):
                    while len(told) < 100:
                        told.append(await answered(session))
            total = sum(map(cost, told))
            assert 0.012e9 - max(map(cost, told)) < total <= 0.012e9
            said = await line(gateway)
            assert (said["status"], said["outcome"], said["error"]) == (101, "cut", "budget_exceeded")
            assert said["session"].items() >= {"ended": "limit", "code": 1008, "responses": len(told)}.items()
            assert said["tokens"]["output"] == sum(usage["output_tokens"] for usage in told)
            await until(lambda: simulator.requests[0].closed == 1001)
            assert spent(gateway) == total
            assert gateway.shared.accounts.holding == 0
            assert gateway.stats.model("a", "real", gateway.shared.clock.monotonic()).errors == 0

    run(main)


def test_what_the_caller_is_told() -> None:
    """An event of type `error` in the API's own shape, and then 1008 with the code for its reason."""

    async def main() -> None:
        auth = keys(limits={"tokens": {"minute": 60}})
        async with between(auth=auth) as (gateway, _):
            async with dial(gateway) as session:
                await say(session, "[tokens=50]")
                await events(session, "response.done")
                await say(session, "[tokens=50]")
                found, code, reason = await rest(session)
            error = found[-1]
            assert (error["type"], error["error"]["type"], error["error"]["code"]) == ("error", "rate_limit_error", reason)
            assert (code, reason) == (1008, "rate_limit_exceeded")
            assert "60 tokens per minute" in error["error"]["message"]
            assert error["error"]["details"]["limit_name"] == "tokens_per_minute"
            assert (await line(gateway))["error"] == "rate_limit_exceeded"

    run(main)


def people(*, changed: bool) -> dict[str, Any]:
    """Keys of several tenants, and what may become of them in the middle of a session."""
    found: list[dict[str, Any]] = [
        {"name": "stays", "key": KEY, "tenant": "good"},
        {"name": "expires", "key": "sk-gateway-expires-0123456789", "tenant": "good"},
        {"name": "suspended", "key": "sk-gateway-suspended-01234567", "tenant": "bad"},
        {"name": "closed", "key": "sk-gateway-closed-0123456789", "tenant": "good", "project": "lab"},
        {"name": "another", "key": "sk-gateway-another-0123456789", "tenant": "good"},
        {"name": "narrow", "key": "sk-gateway-narrow-0123456789", "tenant": "good"},
        {"name": "gone", "key": "sk-gateway-gone-0123456789", "tenant": "good"},
    ]
    if changed:
        found[1]["expires"] = "2020-01-01T00:00:00Z"
        found[4]["models"] = ["a/other"]
        found[5]["scopes"] = ["chat:create"]
        found.pop()
    off = {"disabled": changed}
    return {"auth": {"keys": found}, "tenants": {"good": {"projects": {"lab": off}}, "bad": off}}


ENDINGS = {
    "stays": None,
    "expires": "expired_api_key",
    "suspended": "tenant_disabled",
    "closed": "project_disabled",
    "another": "model_not_accessible",
    "narrow": "insufficient_permissions",
    "gone": "invalid_api_key",
}


def test_who_may_not_any_more() -> None:
    """A key that is gone, over, or may not do this any more, and a tenant or project that is suspended: each session is ended within
    a second, and told why. Who still may notices nothing.
    """

    async def main() -> None:
        before, after = people(changed=False), people(changed=True)
        secrets = {one["name"]: one["key"] for one in before["auth"]["keys"]}
        async with between(**before) as (gateway, simulator):
            sessions = {
                name: await dial(gateway, headers={"Authorization": f"Bearer {secrets[name]}", "X-Request-ID": name})
                for name in ENDINGS
            }
            for session in sessions.values():
                await events(session, "session.created")
            document = {"providers": {"a": provider(simulator.url)}, "models": {"m": {"deployments": ["a/real"], "retries": 0}}}
            gateway.reload({**document, **after})
            began = time.monotonic()
            for name, wanted in ENDINGS.items():
                if wanted is not None:
                    found, code, reason = await rest(sessions[name])
                    assert (name, found[-1]["error"]["code"], code, reason) == (name, wanted, 1008, wanted)
            assert time.monotonic() - began < SOON
            assert await answered(sessions["stays"])
            await sessions["stays"].close()
            await until(lambda: len(gateway.access()) == len(ENDINGS), 5)
            told = {one["request_id"]: (one["outcome"], one.get("error"), one["session"]["ended"]) for one in gateway.access()}
            assert told.pop("stays") == ("completed", None, "caller")
            assert told == {name: ("cut", wanted, "access") for name, wanted in ENDINGS.items() if wanted is not None}

    run(main)


def provider(url: str) -> dict[str, Any]:
    return {"type": "openai", "base_url": f"{url}/v1", "api_key": "sk-provider-secret"}


def test_a_revoked_key_at_once() -> None:
    """Before any other configuration comes; and nobody's address is locked out for a session that he had."""

    async def main() -> None:
        async with between(auth={**keys(), "lockout": {"failures": 1}}) as (gateway, _):
            async with dial(gateway) as session:
                await events(session, "session.created")
                assert LOOK <= 0.5
                began = time.monotonic()
                table(gateway).revoke(["tests"])
                found, code, _ = await rest(session)
                assert time.monotonic() - began < SOON
            assert (found[-1]["error"]["code"], code) == ("invalid_api_key", 1008)
            assert (await gateway.post("/v1/chat/completions", chat()))[0] == 401

    run(main)


def table(gateway: Gateway) -> Any:
    return gateway.snapshot.keys


def test_an_answer_that_was_not_over() -> None:
    """Nobody ever says what it used, so whoever leaves before that is charged an estimate, beside what was told."""

    async def main() -> None:
        auth = keys(budgets=[{"amount": 1, "period": "day"}])
        async with between(SimulatorOptions(tokens_per_second=50), auth=auth, catalogue=PRICED) as (gateway, _):
            async with dial(gateway) as session:
                told = await answered(session, "[tokens=2]")
                await say(session, "[tokens=500]")
                for _ in range(3):
                    await events(session, "response.output_text.delta")
                session.transport.abort()
            tokens = (await line(gateway))["tokens"]
            least = cost(told) + told["total_tokens"] * INPUT + 3 * OUTPUT
            assert least <= spent(gateway) <= least + 20 * OUTPUT
            assert tokens["input"] == 2 * told["input_tokens"] + told["output_tokens"]
            assert (gateway.shared.accounts.ledger.unpriced, gateway.shared.accounts.ledger.estimated) == (0, 1)

    run(main)


async def eager(connection: ServerConnection) -> None:
    """A provider that begins an answer for each message, and never ends one but the first."""
    created = msgspec.json.encode({"type": "response.created", "response": {"status": "in_progress", "usage": None}}).decode()
    usage = {"input_tokens": 0, "output_tokens": 200}
    done = msgspec.json.encode({"type": "response.done", "response": {"status": "completed", "usage": usage}}).decode()
    first = True
    async for _ in connection:
        await connection.send(created)
        if first:
            await connection.send(done)
        first = False


def test_many_answers_at_once() -> None:
    """Whoever has more of them made at once than there is money for is stopped before they are over."""

    async def main() -> None:
        async with serve(eager, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            document = one_provider(f"http://127.0.0.1:{port}/v1", kind="openai")
            auth = keys(budgets=[{"amount": 0.0141, "period": "day"}])  # seven answers of 200 tokens
            async with whole_gateway({**document, "auth": auth, "catalogue": PRICED}) as gateway:
                async with dial(gateway) as session:
                    await session.send("one")
                    await events(session)
                    for _ in range(6):
                        await session.send("one more")
                        await events(session, "response.created")
                    await session.send("too many")
                    found, code, reason = await rest(session)
                assert [event["type"] for event in found] == ["response.created", "error"]
                assert (code, reason) == (1008, "budget_reserved")
                await line(gateway)
                assert spent(gateway) == 200 * OUTPUT + 7 * 200 * INPUT

    run(main)


class Asked:
    """Who is recognised, whatever that takes."""

    def __init__(self, *answers: Caller | GatewayError, later: bool) -> None:
        self.answers = list(answers)
        self.later = later
        self.asked = 0

    def again(self, _ex: Any) -> Any:
        self.asked += 1
        return self._answer() if self.later else self._at_once()

    def _at_once(self) -> Caller:
        answer = self.answers.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    async def _answer(self) -> Caller:
        await asyncio.sleep(0)
        return self._at_once()


class Exchanged:
    """What a session needs of its request here."""

    hold = None
    caller: Caller | None = None


@pytest.mark.parametrize("later", [False, True])
def test_where_nobody_can_tell(later: bool) -> None:
    """A session that was let in goes on; who is refused, by whoever is asked and however long that takes, is let go."""

    async def main() -> None:
        who = Asked(Caller("a"), IdentityUnavailable("away"), Caller("b"), Unauthenticated("no"), Caller("c"), later=later)
        refused: list[GatewayError] = []

        def authorize(ex: Any) -> None:
            if ex.caller.key_name == "c":
                raise Forbidden("not this one")

        class Accounts:
            def renew(self, hold: Any) -> None: ...

        ex: Any = Exchanged()
        standing = Standing().now(who, authorize, Accounts())  # type: ignore[arg-type]
        charged = Charged(standing, ex, refused.append)
        for _ in range(5):
            charged.look()
            charged.look() if later else None  # one question at a time
            await asyncio.sleep(0.01)
        assert who.asked == 5
        assert ex.caller.key_name == "c"
        assert [type(error) for error in refused] == [Unauthenticated, Forbidden]
        who.answers.append(Caller("d"))
        charged.look()
        charged.end()
        await asyncio.sleep(0.01)
        assert ex.caller.key_name == ("c" if later else "d")
        assert len(refused) == 2

    run(main)

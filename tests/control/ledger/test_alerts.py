"""Alerts of budgets, told once."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from control.ledger.books import Direct, clock, noted
from llm_gateway.config.schema import Config, Limiting, Webhook
from llm_gateway.config.values import Secret
from llm_gateway.control.ledger.alerts import EVENT, SIGNATURE, Alerting, signature
from llm_gateway.credentials.fetch import Answer
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.limits.alerts import Alert
from llm_gateway.store.connect import Store

HOOK = Webhook("https://example.com/hook", Secret("shared"))
ALERT = Alert("tenant", "acme", 80, 8_000_000_000, 10_000_000_000, True, 0, 86_400_000, "tenant:acme:cost:day")


class Hook:
    """Who is told; answers with each status in turn, then 204. 0: it cannot be reached."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[Mapping[str, str], Any]] = []

    def __call__(self, _config: Config) -> Hook:
        return self

    async def send(self, _what: str, _method: bytes, _url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.got.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 204
        if not status:
            raise Unavailable("it cannot be reached")
        return Answer(status, {}, b"")

    async def close(self) -> None:
        pass


async def nap(_seconds: float) -> None:
    await asyncio.sleep(0)


def alerting(store: Direct, hook: Hook, webhook: Webhook | None = HOOK) -> tuple[Alerting, Any]:
    log = noted()
    config = Config(limits=Limiting(alerts=webhook))
    return Alerting(store, lambda: config, clock(), log, sender=hook, sleep=nap), log


async def settled(done: Any) -> None:
    for _ in range(2000):
        if done():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to an end")


def test_a_threshold_is_told_once_whoever_notices_it(store: Store) -> None:
    """Two workers and two nodes notice the same: one message, signed, and one line in one log."""

    async def run() -> None:
        hook, direct = Hook(), Direct(store)
        nodes = [alerting(direct, hook) for _ in range(2)]
        for node, _ in nodes:
            node.start()
            node.take([ALERT])
            node.take([ALERT, msgspec.structs.replace(ALERT, percent=100)])
        await settled(lambda: sum(node.sent for node, _ in nodes) == 2)
        for node, _ in nodes:
            await node.close()
        assert len(hook.got) == 2
        headers, body = hook.got[0]
        said = msgspec.json.decode(body)
        assert (said["scope"], said["name"], said["spent"], said["limit"], said["period_begins"]) == (
            "tenant",
            "acme",
            8.0,
            10.0,
            "1970-01-01T00:00:00.000Z",
        )
        assert headers[EVENT] == "budget.alert"
        stamp, _, seal = headers[SIGNATURE].partition(",")
        expected = hmac.digest(b"shared", stamp.removeprefix("t=").encode() + b"." + body, "sha256").hex()
        assert seal == f"v1={expected}"

    asyncio.run(run())


def test_it_is_sent_until_somebody_takes_it(store: Store) -> None:
    """Away, failing, then there."""

    async def run() -> None:
        hook = Hook(0, 500, 200)
        made, _ = alerting(Direct(store), hook)
        made.start()
        made.take([ALERT])
        await settled(lambda: made.sent)
        await made.close()
        assert len(hook.got) == 3

    asyncio.run(run())


def test_a_store_that_is_away_delays_it(store: Store) -> None:
    """Nobody can say whether another node told it already: it is told when the store is back."""

    async def run() -> None:
        hook, direct = Hook(), Direct(store)
        direct.away = True
        made, _ = alerting(direct, hook)
        made.start()
        made.take([ALERT])
        for _ in range(20):
            await asyncio.sleep(0)
        assert not hook.got
        direct.away = False
        await settled(lambda: made.sent)
        await made.close()

    asyncio.run(run())


def test_without_a_hook_the_log_has_it(store: Store) -> None:
    """Nothing is sent anywhere."""

    async def run() -> None:
        hook = Hook()
        made, log = alerting(Direct(store), hook, None)
        made.start()
        made.take([ALERT])
        await settled(lambda: log.events if hasattr(log, "events") else True)
        await asyncio.sleep(0.05)
        await made.close()
        assert not hook.got

    asyncio.run(run())


def test_a_signature_is_of_time_and_body() -> None:
    """As the configuration's documentation says."""
    assert signature("s", 5, b"x") == f"t=5,v1={hmac.digest(b's', b'5.x', 'sha256').hex()}"

"""Active health checks, against real servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llm_gateway.core.clock import FakeClock, SystemClock
from llm_gateway.http.client import Client
from llm_gateway.providers.azure import AZURE
from llm_gateway.providers.bedrock import BEDROCK
from llm_gateway.providers.deployment import Upstream as Account
from llm_gateway.providers.ollama import OLLAMA
from llm_gateway.providers.openai import OPENAI
from llm_gateway.providers.vllm import VLLM
from llm_gateway.resilience.probes import HealthChecks, Place, Policy, free_place
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.standing import CLOSED, HALF_OPEN, OPEN
from resilience_support import Noted
from scripted_upstream import ASK, Upstream

SOON = Policy(interval=0.02, timeout=0.2)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class World:
    """Checks under way, and what they did."""

    def __init__(self) -> None:
        self.log = Noted()
        self.clock = SystemClock()
        self.standings = Standings(self.clock, self.log)
        self.checks = HealthChecks(self.standings, self.clock, self.log, lambda: 0.5)
        self.client = Client()

    def watch(self, account: Account, policy: Policy = SOON) -> None:
        self.checks.watch({account.name: account}, {"": self.client}, policy)

    async def until(self, what: Callable[[], Any]) -> None:
        for _ in range(400):
            if what():
                return
            await asyncio.sleep(0.005)
        raise TimeoutError


def run(test: Callable[[World], Awaitable[None]]) -> None:
    async def inside() -> None:
        world = World()
        try:
            await test(world)
        finally:
            await world.checks.close()
            await world.client.close()

    asyncio.run(inside())


def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


def test_who_cannot_be_reached_is_left_alone() -> None:
    """After three checks in a row; it is logged, shown, and ends by itself if nobody checks any more."""

    async def test(world: World) -> None:
        world.watch(Account("openai", OPENAI, nobody(), api_key="sk-x"), Policy(interval=0.02, timeout=0.01))
        standing = world.standings.account("openai")
        await world.until(lambda: standing.reason == "unhealthy")
        assert standing.until - world.clock.monotonic() < 0.05
        assert world.log.events[0] == "unhealthy_pause"
        assert world.checks.wellness("openai", 1.0, None).availability == 0.0

    run(test)


def test_a_health_page_says_whether_a_server_is_well() -> None:
    """vLLM's, at the root and with the account's headers: 503 is not well; two good answers in a row end the pause."""

    async def test(world: World) -> None:
        async with Upstream([ASK, BUSY, ASK, BUSY, ASK, BUSY, ASK, BUSY, ASK, BUSY, *[ASK, GOOD] * 20]) as server:
            world.watch(Account("gpu", VLLM, f"{server.url}/v1", api_key="k"))
            await world.until(lambda: "unhealthy_pause" in world.log.events)
            await world.until(lambda: "healthy_again" in world.log.events)
            assert world.log.events == ["unhealthy_pause", "healthy_again"]
            assert world.standings.account("gpu").until == 0.0
            assert all(sent.startswith(b"GET /health HTTP/1.1") for _, sent in server.requests)
            assert b"Authorization: Bearer k" in server.requests[0][1]
            wellness = world.checks.wellness("gpu", 1.0, None)
            assert 0.2 <= wellness.availability < 1.0

    run(test)


@pytest.mark.parametrize("status", [b"500 Internal Server Error", b"404 Not Found", b"401 Unauthorized"])
def test_a_list_that_fails_is_an_account_that_can_be_reached(status: bytes) -> None:
    """Whether the list works says nothing about the models: nobody is shut out for it."""

    async def test(world: World) -> None:
        refused = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
        async with Upstream([ASK, refused] * 50) as server:
            world.watch(Account("openai", OPENAI, server.url, api_key="sk-x"))
            await world.until(lambda: len(server.requests) >= 5)
            assert server.requests[0][1].startswith(b"GET /v1/models HTTP/1.1")
            assert world.standings.account("openai").until == 0.0
            assert world.log.events == []

    run(test)


def test_an_open_circuit_need_not_wait_for_its_cooldown() -> None:
    """The first good check makes an account's circuit half-open, long before its time."""

    async def test(world: World) -> None:
        async with Upstream([ASK, GOOD] * 50) as server:
            standing = world.standings.account("openai")
            circuit = world.standings.circuit(standing)
            for _ in range(5):
                circuit.failed(circuit.epoch, world.clock.monotonic())
            assert standing.state == OPEN
            world.watch(Account("openai", OPENAI, server.url, api_key="sk-x"))
            await world.until(lambda: standing.state == HALF_OPEN)
            assert standing.until == 0.0

    run(test)


def test_traffic_makes_checks_needless() -> None:
    """An account that is asked, and well, is not asked for its list."""

    async def test(world: World) -> None:
        async with Upstream([ASK, GOOD] * 50) as server:
            circuit = world.standings.circuit(world.standings.account("openai"))
            circuit.passed(circuit.epoch, world.clock.monotonic())
            world.watch(Account("openai", OPENAI, server.url, api_key="sk-x"))
            await asyncio.sleep(0.15)
            assert server.requests == []

    run(test)


def test_it_can_be_switched_off_and_changed() -> None:
    """By a reload: the tasks of before end, what was seen stays."""

    async def test(world: World) -> None:
        async with Upstream([ASK, GOOD] * 50) as server:
            account = Account("openai", OPENAI, server.url, api_key="sk-x")
            world.watch(account, Policy(enabled=False, interval=0.001))
            await asyncio.sleep(0.05)
            assert server.requests == []
            world.watch(account)
            await world.until(lambda: server.requests)
            world.watch(account, Policy(enabled=False))
            await asyncio.sleep(0)
            count = len(server.requests)
            await asyncio.sleep(0.08)
            assert len(server.requests) <= count + 1

    run(test)


def test_what_says_nothing_is_passed_over() -> None:
    """A header that cannot be sent is the configuration's fault and no sign of the provider's health."""

    async def test(world: World) -> None:
        async with Upstream([ASK, GOOD]) as server:
            account = Account("openai", OPENAI, server.url, api_key="sk-x")
            account.base_path = "/é"
            world.watch(account, Policy(interval=0.002))
            await asyncio.sleep(0.05)
            assert server.requests == []
            assert world.standings.account("openai").until == 0.0

    run(test)


@pytest.mark.parametrize(
    ("account", "place"),
    [
        (Account("o", OPENAI, "http://h", api_key="k"), Place("/v1/models", says_health=False)),
        (Account("o", OPENAI, "http://h"), None),
        (Account("v", VLLM, "http://h/v1"), Place("/health", says_health=True)),
        (Account("v", VLLM, "http://h/team/v1"), Place("/team/health", says_health=True)),
        (Account("l", OLLAMA, "http://h"), Place("/v1/models", says_health=False)),
        (Account("a", AZURE, "http://h", api_key="k"), None),
        (Account("b", BEDROCK, "http://h", api_key="k"), None),
    ],
)
def test_only_what_costs_nothing_is_asked(account: Account, place: Place | None) -> None:
    """A health page, else the list of models where the account's key can ask for it, else nothing."""
    assert free_place(account) == place


def test_the_score() -> None:
    """0.5 success + 0.3 (1 - p95 / slowest) + 0.2 availability (requirements B9); what is not known counts as good."""
    clock = FakeClock()
    standings = Standings(clock, Noted())
    checks = HealthChecks(standings, clock, Noted(), lambda: 0.5)
    assert checks.wellness("new", None, None) == (1.0, 1.0, "closed", "", 0.0)
    assert checks.wellness("new", 0.8, 15.0).score == pytest.approx(0.4 + 0.15 + 0.2)
    assert checks.wellness("new", 0.0, 1e9).score == pytest.approx(0.2)
    circuit = standings.circuit(standings.account("new"))
    for _ in range(5):
        circuit.failed(circuit.epoch, clock.monotonic())
    shown = checks.wellness("new", 0.0, 60.0)
    assert (shown.score, shown.availability, shown.circuit, shown.reason) == (0.0, 0.0, "open", "circuit")
    assert shown.seconds == pytest.approx(1.0)
    standings.reset("new")
    circuit.pause("rate_limited", clock.monotonic(), clock.monotonic(), 5.0)
    assert standings.account("new").state == CLOSED
    assert checks.wellness("new", 1.0, 0.0).score == 1.0

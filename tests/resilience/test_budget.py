"""The retry budget: no storms, and no refusals where another deployment is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from llm_gateway.resilience.budget import Allowance, Permit, RetryBudget
from llm_gateway.resilience.circuit import PLAIN, Rules
from llm_gateway.routing.candidate import Candidate
from resilience_support import World

CLIENTS = 200


class Gateway:
    """Clients that ask candidates in order, as a dispatcher does: each failure moves on if a permit is given."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.world = World(rules or Rules())
        self.active = 0
        self.budget = RetryBudget(self.world.feedback, self.world.verdicts, lambda: self.active, self.world.clock)
        self.attempts = 0

    async def client(self, candidates: list[Candidate], well: Callable[[Candidate], bool], rounds: int = 1) -> bool:
        self.active += 1
        try:
            for number, candidate in enumerate(candidates * rounds):
                permit = await self.budget.permit(candidate, self.world.now + 60.0) if number else Permit(None, candidate)
                if permit is None:
                    return False
                try:
                    if await self.attempt(candidate, well):
                        return True
                finally:
                    permit.release()
            return False
        finally:
            self.active -= 1

    async def attempt(self, candidate: Candidate, well: Callable[[Candidate], bool]) -> bool:
        self.attempts += 1
        run = self.world.start(candidate)
        for _ in range(3):
            await asyncio.sleep(0)
        self.world.clock.advance(1e-6)
        if well(candidate):
            self.world.good(run)
            return True
        self.world.bad(run, "overloaded", status=503)
        return False

    def all(self, names: list[str], well: Callable[[Candidate], bool], rounds: int = 1) -> list[bool]:
        candidates = [self.world.candidate(name) for name in names]

        async def everybody() -> list[bool]:
            return await asyncio.gather(*(self.client(candidates, well, rounds) for _ in range(CLIENTS)))

        answers = asyncio.run(everybody())
        assert self.budget.retries == 0
        assert self.world.verdicts.waiting == {}
        return answers


@pytest.mark.parametrize("names", [["a/x"], ["a/x", "b/x"], ["a/x", "b/x", "c/x"]])
def test_no_storm_when_everything_fails(names: list[str]) -> None:
    """200 clients at once, every endpoint answers 503: a fifth more attempts than clients, and what it takes to open the circuits
    of further endpoints; those who may not retry are told soon (faults U18).
    """
    gateway = Gateway()
    answers = gateway.all(names, lambda _: False, rounds=3)
    assert not any(answers)
    minimum = gateway.budget.allowance.minimum
    assert gateway.attempts <= CLIENTS * 1.2 + minimum + max(len(names) - 2, 0) * (PLAIN.failures + minimum)
    assert gateway.budget.refused > 0


def test_nobody_is_refused_when_another_deployment_is_well() -> None:
    """One endpoint is dead and the other was never asked before: the first few find out, the others follow. All 200 succeed."""
    gateway = Gateway()
    assert all(gateway.all(["dead/x", "well/x"], lambda candidate: candidate.provider == "well"))
    assert gateway.attempts == 2 * CLIENTS
    assert gateway.budget.refused == 0


def test_a_proven_deployment_is_free() -> None:
    """It answered lately: everybody may move on to it, without a limit and without a wait."""
    gateway = Gateway()
    proven = gateway.world.candidate("well/x")
    gateway.world.ok(proven)
    gateway.budget.allowance = Allowance(share=0.0, minimum=0)

    async def test() -> None:
        permits = [await gateway.budget.permit(proven, gateway.world.now) for _ in range(50)]
        assert None not in permits
        assert gateway.budget.retries == 0

    asyncio.run(test())


def test_without_breakers_the_budget_holds_alone() -> None:
    """circuit_breaker.enabled: false. Whoever retries does so in turn, as long as he may wait."""
    gateway = Gateway(Rules(enabled=False))
    gateway.budget.allowance = Allowance(wait=0.05)
    most = 0

    def well(_: Candidate) -> bool:
        nonlocal most
        most = max(most, gateway.budget.retries)
        return False

    assert not any(gateway.all(["a/x", "b/x"], well))
    assert most <= CLIENTS * 0.2


def test_a_few_retries_are_always_allowed() -> None:
    """A gateway with one request can retry it."""
    gateway = Gateway()
    gateway.active = 1
    candidate = gateway.world.candidate("a/x")

    async def test() -> None:
        permits = [await gateway.budget.permit(candidate, gateway.world.now + 1) for _ in range(3)]
        assert None not in permits
        gateway.budget.allowance = Allowance(wait=0.02)
        fourth = asyncio.get_running_loop().create_task(gateway.budget.permit(candidate, gateway.world.now + 1))
        await asyncio.sleep(0.005)
        gateway.world.clock.advance(1.0)
        assert await fourth is None
        for permit in permits:
            assert permit is not None
            permit.release()
            permit.release()
        assert gateway.budget.retries == 0

    asyncio.run(test())


def test_a_permit_that_comes_free_is_handed_on() -> None:
    """When nobody is under way any more who could bring a verdict, the next in line goes himself."""
    gateway = Gateway()
    gateway.budget.allowance = Allowance(share=0.0, minimum=1, wait=5.0)
    candidate = gateway.world.candidate("a/x")

    async def test() -> None:
        first = await gateway.budget.permit(candidate, gateway.world.now + 9)
        assert first is not None
        loop = asyncio.get_running_loop()
        waiting = [loop.create_task(gateway.budget.permit(candidate, gateway.world.now + 9)) for _ in range(2)]
        await asyncio.sleep(0)
        first.release()
        second = await waiting[0]
        assert second is not None
        assert not waiting[1].done()
        waiting[1].cancel()
        await asyncio.gather(waiting[1], return_exceptions=True)
        second.release()
        assert gateway.budget.retries == 0

    asyncio.run(test())


@pytest.mark.parametrize("reason", ["overloaded", "rate_limited"])
def test_whoever_waits_gives_up_when_the_deployment_does(reason: str) -> None:
    """Its circuit opened, or it asked for a pause."""
    gateway = Gateway(Rules(failures=1))
    gateway.budget.allowance = Allowance(share=0.0, minimum=0, wait=5.0)
    candidate = gateway.world.candidate("a/x")

    async def test() -> None:
        waiting = asyncio.get_running_loop().create_task(gateway.budget.permit(candidate, gateway.world.now + 9))
        await asyncio.sleep(0)
        gateway.world.fail(candidate, reason)
        assert await waiting is None
        assert await gateway.budget.permit(candidate, gateway.world.now + 9) is None
        assert gateway.budget.refused == 2

    asyncio.run(test())


def test_room_in_the_budget_is_for_anybody() -> None:
    """A retry that went well gives its place to the next in line, whichever deployment he waits for."""
    gateway = Gateway()
    gateway.budget.allowance = Allowance(share=0.0, minimum=1, wait=5.0)
    here, there = gateway.world.candidate("a/x"), gateway.world.candidate("b/y")

    async def test() -> None:
        first = await gateway.budget.permit(here, gateway.world.now + 9)
        assert first is not None
        assert gateway.budget.free(here) is None
        waiting = asyncio.get_running_loop().create_task(gateway.budget.permit(there, gateway.world.now + 9))
        await asyncio.sleep(0)
        gateway.world.good(gateway.world.start(here))
        assert gateway.budget.free(here) is not None
        first.release()
        second = await asyncio.wait_for(waiting, 0.5)
        assert second is not None
        second.release()

    asyncio.run(test())

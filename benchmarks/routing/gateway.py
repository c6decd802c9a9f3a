"""The gateway's own parts, as a worker puts them together (worker/defences.py, routing/deciding.py), on a clock that is simulated.

Real: decide, strategies, filters, PrefixIndex, Standings, Feedback, circuits, RetryBudget, Bulkhead, Attempts, Tries, Hedges,
Dispatch. Not here: bytes. The features of a request are made from its token counts as routing/collect.py makes them from its body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Any

from benchmarks.routing.measures import Measured, Outcome
from benchmarks.routing.providers import Begun, Profile, Provider
from benchmarks.routing.traffic import Conversation, fingerprints
from benchmarks.routing.virtual import VirtualClock, VirtualLoop, run

from llm_gateway.config.schema.bulkheads import Bulkhead
from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.estimate import CHARS_PER_TOKEN
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.strategy import StrategyName
from llm_gateway.dialects.base import Operation
from llm_gateway.providers.deployment import Deployment, Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.candidate import Candidate, Leg, Rates
from llm_gateway.routing.decide import decide
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.features import Features
from llm_gateway.routing.route import Hedge, Route
from llm_gateway.routing.router import Router
from llm_gateway.worker.defences import Defences

MODEL = "model"
PATIENCE = Patience(first_token=15.0)
TOTAL = 60.0
ASKS_AGAIN = 1.0
"""Seconds after which a caller repeats what failed."""
_FRONT = SimpleNamespace(operation=Operation.CHAT)
_HTTP = SimpleNamespace(path=b"/v1/chat/completions", headers={}, notes=None, body=b"{}", peer="", reply=None)


@lru_cache(maxsize=4096)
def _text(tokens: int) -> Text:
    """As long as so many tokens."""
    return Text(" " * (CHARS_PER_TOKEN * tokens))


class Job(Exchange, eq=False, kw_only=True):
    """One request."""

    conversation: Conversation
    tokens: int
    output: int


def job_of(number: int, received: float, conversation: Conversation, tokens: int, output: int) -> Job:
    """The request of that number."""
    return Job(
        f"req_{number}",
        _HTTP,
        _FRONT,
        received,
        model=MODEL,
        stream=True,
        request=ChatRequest(MODEL, (Message("user", (_text(tokens),)),), stream=True),
        prefix=fingerprints(conversation, tokens),
        conversation=conversation,
        tokens=tokens,
        output=output,
    )


class Gateway:
    """One worker with one route over `profiles`."""

    def __init__(
        self, profiles: Sequence[Profile], strategy: StrategyName, seed: int, loop: VirtualLoop, hedge: Hedge | None = None
    ) -> None:
        clock = VirtualClock(loop)
        self._random = Random(f"{seed} gateway")  # noqa: S311 - a simulation
        self._loop = loop
        self.providers = {one.name: Provider(one, Random(f"{seed} {one.name}"), loop.time()) for one in profiles}  # noqa: S311 - a simulation
        self.observed = SimpleNamespace(active=0)
        parts = Defences(clock, lambda *_, **__: None, self._random.random, self.observed, lambda *_: None)  # type: ignore[arg-type]
        self.standings, self.feedback, self.prefixes = parts.standings, parts.feedback, parts.prefixes
        candidates = tuple(map(self._candidate, profiles))
        limits = {candidate.standing: one.most for candidate, one in zip(candidates, profiles, strict=True) if one.most}
        parts.bulkhead.configure(Bulkhead(), limits, ())
        self.names = tuple(one.name for one in candidates)
        self.route = Route(MODEL, (Leg(MODEL, candidates, strategy),), retries=2, total=TOTAL, hedge=hedge)
        self.dispatch = parts.dispatch(Router({MODEL: self.route}, {}, lambda _name: None))

    def _candidate(self, profile: Profile) -> Candidate:
        deployment = Upstream(profile.name, PROVIDER_TYPES["anthropic"], f"http://{profile.name}.test").deployment(MODEL)
        standing, account = self.standings.of(deployment.name), self.standings.account(profile.name)
        return Candidate(deployment, PATIENCE, standing, account, rates=Rates(profile.rates))

    def decide(self, ex: Exchange) -> Decision:
        """What routing/deciding.py does, with the features that routing/collect.py would find."""
        assert isinstance(ex, Job)
        route, now = self.route, self._loop.time()
        route.turns.taken += 1
        features = Features(MODEL, now, now, self._random.getrandbits(64), route.turns.taken, tokens=ex.tokens)
        features.session, features.prefix = ex.conversation.name, ex.prefix
        if route.appetite.prefix and features.prefix:
            features.cached = self.prefixes.expected(self.names, features.prefix, features.tokens, now)
            features.held = {name: self.prefixes.held(name) for name in self.names}
            features.again = self.prefixes.again()
        return decide(features, route)

    async def ask(self, ex: Any, deployment: Deployment, patience: Patience, deadline: float) -> Any:
        """providers.ask, of a simulated provider."""
        provider = self.providers[deployment.upstream.name]
        left = min(patience.first_token, deadline - self._loop.time())
        begun, said = await provider.begin(ex.conversation, ex.tokens, ex.output, left)
        if said is not None:
            self.feedback.heard(deployment.name, said)
        return begun

    async def serve(self, job: Job) -> Outcome:
        """One request to the end of its answer."""
        loop = self._loop
        self.observed.active += 1
        try:
            begun: Begun = await self.dispatch(job, self.decide, self.ask)  # type: ignore[assignment, arg-type]
            first = loop.time() - job.received
            job.usage = begun.usage
            await begun.provider.stream(begun)
            self.dispatch.ended(job, complete=True)
            return Outcome(job.received, first, len(job.attempts), None, hedged=job.hedges is not None)
        except GatewayError as error:
            reason = getattr(error, "reason", error.code) or type(error).__name__
            return Outcome(job.received, loop.time() - job.received, len(job.attempts), reason)
        finally:
            self.observed.active -= 1


async def _converse(gateway: Gateway, one: Conversation, insists: int, outcomes: list[Outcome]) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(one.start)
    for place, (turn, tokens) in enumerate(zip(one.turns, one.prompts(), strict=True)):
        if place:
            await asyncio.sleep(turn.think)
        for _ in range(insists + 1):
            outcome = await gateway.serve(job_of(len(outcomes), loop.time(), one, tokens, turn.output))
            outcomes.append(outcome)
            if outcome.error is None:
                break
            await asyncio.sleep(ASKS_AGAIN)


def simulate(
    profiles: Sequence[Profile],
    several: Sequence[Conversation],
    strategy: StrategyName,
    *,
    seed: int,
    hedge: Hedge | None = None,
    insists: int = 0,
) -> Measured:
    """All conversations, each to its end. `insists`: how often a caller repeats what failed."""
    loop = VirtualLoop()
    gateway = Gateway(profiles, strategy, seed, loop, hedge)
    outcomes: list[Outcome] = []

    async def everybody() -> None:
        await asyncio.gather(*[_converse(gateway, one, insists, outcomes) for one in several])

    begun = loop.time()
    run(everybody(), loop)
    trouble = max((one.end for profile in profiles for one in profile.troubles), default=0.0)
    return Measured.of(outcomes, {name: one.ledger for name, one in gateway.providers.items()}, begun, trouble)

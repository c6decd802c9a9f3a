"""What providers allow is counted, and nobody is asked who has no room while others have."""

from __future__ import annotations

import pytest

from llm_gateway.config.load import load
from llm_gateway.config.schema import Config
from llm_gateway.core.usage import Usage
from llm_gateway.resilience.nobody import nobody, short_pause
from llm_gateway.resilience.paces import apply_paces
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decide import Policy, decide
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.paces import wait
from resilience_support import World
from routing_support import features_of, route_of

NAMES = ("openai/gpt", "groq/gpt")


def loaded(folder, deployment: str = "", account: str = "") -> Config:
    file = folder / "gateway.yaml"
    file.write_text(
        f"providers: {{openai: {{api_key: sk-x{account}}}, groq: {{type: openai, api_key: sk-y}}}}\n"
        f"models: {{m: {{deployments: [{{model: openai/gpt{deployment}}}, groq/gpt]}}}}\n"
    )
    return load(file, environ={}, provider_types={"openai": frozenset[str]()})


@pytest.fixture
def world() -> World:
    return World()


def asked(world: World, config: Config, workers: int = 1) -> list[Candidate]:
    apply_paces(config, world.standings, workers)
    return [world.candidate(name) for name in NAMES]


def decided(world: World, candidates: list[Candidate], tokens: int = -1) -> Decision:
    return decide(features_of(at=world.now, tokens=tokens), route_of(candidates), Policy())


def order(decision: Decision) -> list[str]:
    return [one.name for leg in decision.legs for one in leg.order]


@pytest.mark.parametrize("where", ["deployment", "account"])
def test_without_headroom_not_asked(world: World, tmp_path, where: str) -> None:
    """A deployment that had its requests, or whose account had, is passed by until there is room again."""
    candidates = asked(world, loaded(tmp_path, **{where: ", rate_limit: {requests: {minute: 2}}"}))
    first = candidates[0]
    for _ in range(2):
        assert order(decided(world, candidates))[0] == "openai/gpt"
        world.feedback.left(world.feedback.started(first, world.now, 10))
    decision = decided(world, candidates)
    assert order(decision) == ["groq/gpt"]
    assert [(one.candidate.name, one.reason) for one in decision.refused] == [("openai/gpt", "no_headroom")]
    world.clock.advance(30.5)
    assert order(decided(world, candidates))[0] == "openai/gpt"


def test_tokens_are_what_was_used(world: World, tmp_path) -> None:
    """Tokens are guessed at first; what was used counts, and what failed before it began gives them back."""
    candidates = asked(world, loaded(tmp_path, ", rate_limit: {tokens: {minute: 1000}}"))
    first = candidates[0]
    run = world.feedback.started(first, world.now, 900)
    assert wait(first.standing.paces, world.now, 200) > 5
    world.feedback.succeeded(run, world.now, 1.0, Usage(input=100, output=200))
    assert wait(first.standing.paces, world.now, 700) == 0.0
    assert wait(first.standing.paces, world.now, 800) > 5
    world.bad(world.feedback.started(first, world.now, 500))
    assert wait(first.standing.paces, world.now, 700) == 0.0
    assert order(decided(world, candidates, tokens=900)) == ["groq/gpt"]


def test_waited_for_only_if_all_are_out(world: World, tmp_path) -> None:
    """Where nobody has headroom, a short wait for the first who has is worth it; a longer one is told as a 429 with that time."""
    candidates = asked(world, loaded(tmp_path, ", rate_limit: {requests: {minute: 60, burst: 1}}"))[:1]
    world.feedback.left(world.feedback.started(candidates[0], world.now, 10))
    decision = decided(world, candidates)
    assert order(decision) == []
    assert short_pause(decision, world.now, world.now + 3.0) == pytest.approx(1.0)
    assert short_pause(decision, world.now, world.now + 0.5) is None
    error = nobody(decision, world.now)
    assert (error.status, error.code) == (429, "provider_quota_exceeded")
    assert error.retry_after == pytest.approx(1.0)


def test_reload_keeps_what_is_used_up(world: World, tmp_path) -> None:
    """The same limit goes on as it was; another one, or none, begins anew."""
    config = loaded(tmp_path, ", rate_limit: {requests: {minute: 1}}")
    first = asked(world, config)[0]
    world.feedback.left(world.feedback.started(first, world.now, 10))
    apply_paces(config, world.standings, 1)
    assert wait(first.standing.paces, world.now, 1) == pytest.approx(60.0)
    apply_paces(loaded(tmp_path), world.standings, 1)
    assert first.standing.paces == ()


def test_workers_share(world: World, tmp_path) -> None:
    """Each of several workers has its part of what a provider allows."""
    first = asked(world, loaded(tmp_path, ", rate_limit: {requests: {minute: 6}}"), workers=3)[0]
    for _ in range(2):
        assert wait(first.standing.paces, world.now, 1) == 0.0
        world.feedback.left(world.feedback.started(first, world.now, 10))
    assert wait(first.standing.paces, world.now, 1) == pytest.approx(30.0)


def test_two_aliases_two_limits(tmp_path) -> None:
    """A deployment has one rate limit, whatever names it is served under; a limit of nothing is none."""
    from llm_gateway.config.errors import ConfigErrors

    with pytest.raises(ConfigErrors, match="rate_limit"):
        loaded(
            tmp_path,
            ", rate_limit: {requests: {minute: 6}}}]}, n: {deployments: [{model: openai/gpt, rate_limit: {requests: {minute: 7}}",
        )
    with pytest.raises(ConfigErrors, match="needs requests, tokens or both"):
        loaded(tmp_path, ", rate_limit: {}")


def test_decisions_stay_repeatable(world: World, tmp_path) -> None:
    """A recorded decision holds the paces as they were, whatever happens to them afterwards."""
    from llm_gateway.routing.record import from_json, outcome_of, recompute, record_of, to_json

    candidates = asked(world, loaded(tmp_path, ", rate_limit: {requests: {minute: 1}}"))
    world.feedback.left(world.feedback.started(candidates[0], world.now, 10))
    features, route = features_of(at=world.now), route_of(candidates)
    decision = decide(features, route, Policy())
    record = record_of(features, route, Policy(), decision)
    world.feedback.left(world.feedback.started(candidates[0], world.now, 10))
    again = from_json(to_json(record))
    assert again.standings["openai/gpt"].paces[0].until == pytest.approx(world.now + 60)
    assert outcome_of(recompute(again)) == record.outcome

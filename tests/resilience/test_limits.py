"""From `max_concurrent` in a file to the limits of Standings."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema.bulkheads import AdaptiveLimit
from llm_gateway.config.schema.bulkheads import Bulkhead as Settings
from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience.bulkhead import Bulkhead
from llm_gateway.resilience.limits import apply_limits
from llm_gateway.resilience.standings import Standings
from whole_gateway import config_of


def document(**models: Any) -> dict[str, Any]:
    at = {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"}
    return {"providers": {"a": {**at, "max_concurrent": 100}, "b": at, "off": {**at, "enabled": False}}, "models": models}


def limits(settings: Settings, bulkhead: Bulkhead, standings: Standings, **models: Any) -> dict[str, int]:
    apply_limits(bulkhead, config_of(document(**models)), settings, standings)
    return {standing.name: standing.limit for standing in standings.everyone() if standing.limit}


@pytest.fixture
def standings() -> Standings:
    return Standings(FakeClock(), lambda *_args, **_fields: None)


def test_limits_are_of_deployments_and_accounts(standings):
    """Where none is written there is none; a limit written in one alias holds for the deployment wherever it is served; a reload
    that takes one away takes it away."""
    bulkhead = Bulkhead()
    first = {"deployments": [{"model": "a/x", "max_concurrent": 5}, "b/y"], "fallback": ["b/z"]}
    assert limits(Settings(), bulkhead, standings, one=first, two="a/x") == {"a/x": 5, "a": 100}
    assert limits(Settings(), bulkhead, standings, two="a/x") == {"a": 100}


def test_adaptive_limits_are_of_every_deployment_that_is_named(standings):
    """Those of fallbacks too; a written limit is the most."""
    learned = Settings(adaptive=AdaptiveLimit(algorithm="gradient"))
    first = {"deployments": [{"model": "a/x", "max_concurrent": 5}, "b/y"], "fallback": ["b/z"]}
    assert limits(learned, Bulkhead(), standings, one=first) == {"a/x": 5, "b/y": 20, "b/z": 20, "a": 100}


def test_two_limits_for_one_deployment_are_refused():
    """With the place of the second and the name of the first."""
    one, two = ({"deployments": [{"model": "a/x", "max_concurrent": limit}]} for limit in (5, 6))
    with pytest.raises(ConfigErrors, match=r"models\.two\.deployments.*max_concurrent.*is 5 in models\.one"):
        config_of(document(one=one, two=two))
    assert config_of(document(one=one, two=one, three="a/x"))

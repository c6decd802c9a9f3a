"""Limits beside everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded
from llm_gateway.config.errors import ConfigErrors

BASE = "providers: {openai: {api_key: sk-test}}\nmodels: {a: openai/x}\n"
KEY = "auth: {keys: [{name: one, key: sk-gateway-0123456789, %s}]}\n"
RATE = "{requests: {minute: 5}}"
HINT = "which have to count together what %s limits; set redis.url, or server.workers: 1"


def told(folder: Path, text: str) -> list[str]:
    """Everything that is wrong; nothing if it can be loaded."""
    try:
        loaded(folder, text)
    except ConfigErrors as wrong:
        return [str(problem).replace(f"{folder}/", "") for problem in wrong.problems]
    return []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (KEY % f"limits: {RATE}", "auth.keys[0]"),
        (KEY % "tier: free", "auth.keys[0]"),
        (KEY % "budgets: [{amount: 5}]", "auth.keys[0]"),
        (KEY % "user_budgets: [{amount: 5}]", "auth.keys[0]"),
        (KEY % f"users: {RATE}", "auth.keys[0]"),
        (f"limits: {{everyone: {{limits: {RATE}}}}}\n", "limits.everyone"),
        ("limits: {tags: {beta: {budgets: [{amount: 1}]}}}\n", "limits.tags.beta"),
        (f"limits: {{sources: {RATE}}}\n", "limits.sources"),
        (f"limits: {{users: {RATE}}}\n", "limits.users"),
        (f"limits: {{models: {{a: {RATE}}}}}\n", "limits.models.a"),
        ("tenants: {acme: {tier: pro}}\n", "tenants.acme"),
        (f"tenants: {{acme: {{projects: {{web: {{limits: {RATE}}}}}}}}}\n", "tenants.acme.projects.web"),
        (f"tenants: {{acme: {{end_users: {{ann: {{limits: {RATE}}}}}}}}}\n", "tenants.acme.end_users"),
    ],
)
def test_several_workers_need_redis_where_something_is_limited(tmp_path: Path, text: str, where: str) -> None:
    """Each would allow all of it: refused at start, with what to do (peers.md 4b). With Redis, or alone, there is nothing to say."""
    assert told(tmp_path, BASE + text) == []
    said = told(tmp_path, BASE + text + "server: {workers: 2}\n")
    assert [line.partition("means ")[2] for line in said] == ["2 workers, " + HINT % where]
    (said_auto,) = told(tmp_path, BASE + text + "server: {workers: auto}\n")
    assert "one worker for each processor" in said_auto
    assert told(tmp_path, BASE + text + "server: {workers: 2}\nredis: {url: 'redis://127.0.0.1'}\n") == []


def test_workers_without_limits_need_no_redis(tmp_path: Path) -> None:
    """A tier that nobody has limits nobody."""
    assert told(tmp_path, BASE + f"limits: {{tiers: {{gold: {RATE}}}}}\nserver: {{workers: 4}}\n") == []


def test_models_with_limits_exist(tmp_path: Path) -> None:
    """An alias, or a provider's model."""
    assert told(tmp_path, BASE + f"limits: {{models: {{openai/y: {RATE}, a: {RATE}}}}}\n") == []
    (said,) = told(tmp_path, BASE + f"limits: {{models: {{b: {RATE}}}}}\n")
    assert "limits.models.b" in said


def test_tiers_are_known_or_defined(tmp_path: Path) -> None:
    """free, pro and enterprise are; others have to be; with the place in the file."""
    assert told(tmp_path, BASE + KEY % "tier: enterprise") == []
    assert told(tmp_path, BASE + KEY % "tier: gold" + f"limits: {{tiers: {{gold: {RATE}}}}}\n") == []
    (said,) = told(tmp_path, BASE + KEY % "tier: pr0")
    assert said == 'gateway.yaml:3:61: auth.keys[0].tier: there is no tier "pr0"; did you mean "pro"?'

"""The section resilience, as it is read from a file and comes to the parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience import backoff, budget, circuit, probes
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.worker.defences import Defences
from resilience_support import Noted


def loaded(folder: Path, text: str) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(
        "providers: {openai: {api_key: sk-x}}\nmodels: {m: openai/x, n: {deployments: [openai/y], fallback: [m, openai/z]}}\n"
        + text
    )
    return load(file, environ={}, provider_types={"openai": frozenset[str]()})


def configured(config: Config) -> Defences:
    clock = FakeClock()
    made = Defences(clock, Noted(), lambda: 0.5, Observe(clock, Stats(), None), lambda _ex, _bug: None)
    made.configure(config)
    return made


def test_what_holds_without_a_word_is_what_the_parts_have(tmp_path: Path) -> None:
    """The defaults stand in two places, and say the same in both."""
    made = configured(loaded(tmp_path, ""))
    assert made.standings.rules == circuit.PLAIN
    assert made.budget.allowance == budget.Allowance()
    assert made.backoff.policy == backoff.PLAIN


def test_everything_said_comes_to_its_part(tmp_path: Path) -> None:
    """Each key of circuit_breaker and retry."""
    made = configured(
        loaded(
            tmp_path,
            """
resilience:
  circuit_breaker: {enabled: false, failures: 7, rate: 0.25, window: 20s, minimum: 3, slow_after: 9s, slow_rate: 0.75,
    cooldown: 2s, longest_cooldown: 5m, forget: 2m, probes: 4, successes: 3, probe_time: 1m}
  retry: {budget: 0.1, minimum: 9, wait: 3s, growth: fibonacci, jitter: full, initial: 50ms, cap: 2s}
""",
        )
    )
    assert made.standings.rules == circuit.Rules(False, 7, 0.25, 20.0, 3, 9.0, 0.75, 2.0, 300.0, 4, 3, 60.0, 120.0)
    assert made.budget.allowance == budget.Allowance(0.1, 9, 3.0)
    assert made.backoff.policy == backoff.Policy("fibonacci", "full", 0.05, 2.0)


def test_who_is_configured_has_a_standing(tmp_path: Path) -> None:
    """Accounts, deployments, and fallbacks that are deployments."""
    names = {row.name for row in configured(loaded(tmp_path, "")).standings.rows()}
    assert names == {"openai", "openai/x", "openai/y", "openai/z"}


def test_checks_are_as_the_section_says(tmp_path: Path) -> None:
    """Defaults are the parts' own; every key is one of the policy's."""
    said = loaded(tmp_path, "").resilience.health_check
    assert {name: getattr(said, name) for name in said.__struct_fields__} == vars(probes.Policy())


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("circuit_breaker: {cooldown: 2m}", "longest_cooldown"),
        ("circuit_breaker: {rate: 0}", "rate"),
        ("circuit_breaker: {probes: 0}", "probes"),
        ("circuit_breaker: {window: 0}", "window"),
        ("retry: {initial: 20s}", "cap"),
        ("retry: {budget: 1.5}", "budget"),
        ("retry: {jitter: some}", "jitter"),
        ("health_check: {interval: 0}", "interval"),
        ("health_check: {every: 5s}", "every"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, said: str, fault: str) -> None:
    """With the key's name, before anything is served."""
    with pytest.raises(ConfigErrors, match=fault):
        loaded(tmp_path, f"resilience: {{{said}}}\n")

"""The sections resilience.bulkhead and resilience.shedding, and max_concurrent, as they are read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load
from llm_gateway.config.schema import Config
from llm_gateway.config.schema.bulkheads import AdaptiveLimit, Bulkhead, Shedding

TYPES = {"openai": frozenset[str]()}


def loaded(folder: Path, text: str) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return load(file, environ={}, provider_types=TYPES)


def test_what_holds_without_a_word(tmp_path):
    """A thousand wait for five seconds where something is limited, and nothing is; shedding is on."""
    config = loaded(tmp_path, "providers: {openai: {api_key: sk-x}}\nmodels: {m: openai/x}\n")
    bulkhead, shedding = config.resilience.bulkhead, config.resilience.shedding
    assert (bulkhead.queue, bulkhead.wait, bulkhead.adaptive) == (1000, 5.0, None)
    assert (shedding.enabled, shedding.lag, shedding.memory) == (True, 0.25, None)
    assert config.providers["openai"].max_concurrent is None
    assert config.models["m"].deployments[0].max_concurrent is None


def test_everything_said(tmp_path):
    """Each key, and the short form of an adaptive limit."""
    config = loaded(
        tmp_path,
        """
providers: {openai: {api_key: sk-x, max_concurrent: 100}}
models: {m: {deployments: [{model: openai/x, max_concurrent: 7}]}}
resilience:
  bulkhead: {queue: 5, wait: 250ms, adaptive: aimd}
  shedding: {enabled: false, lag: 1s, memory: 512MB}
""",
    )
    assert config.resilience.bulkhead == Bulkhead(queue=5, wait=type(Bulkhead().wait)(0.25), adaptive=AdaptiveLimit("aimd"))
    shedding = config.resilience.shedding
    assert (shedding.enabled, shedding.lag, shedding.memory) == (False, 1.0, 512 << 20)
    assert config.providers["openai"].max_concurrent == 100
    assert config.models["m"].deployments[0].max_concurrent == 7


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("bulkhead: {queue: -1}", "queue"),
        ("bulkhead: {wait: 0}", "wait"),
        ("bulkhead: {adaptive: vegas}", "adaptive"),
        ("bulkhead: {adaptive: {algorithm: aimd, min: 30, max: 20}}", "min.*at most max"),
        ("bulkhead: {adaptive: {algorithm: aimd, initial: 3}}", "initial.*between min"),
        ("bulkhead: {adaptive: {min: 3}}", "algorithm"),
        ("shedding: {lag: 0}", "lag"),
        ("shedding: {memory: 0}", "memory"),
        ("shedding: {memroy: 5MB}", "memory"),
    ],
)
def test_what_is_refused(tmp_path, section, told):
    """With the place of the key that is wrong."""
    with pytest.raises(ConfigErrors, match=told):
        loaded(tmp_path, f"resilience:\n  {section}\n")


def test_defaults_agree_with_each_other():
    """What a file may say by not saying it passes the checks that a file has to pass."""
    for section in (Bulkhead(), Shedding(), AdaptiveLimit("gradient"), AdaptiveLimit("aimd")):
        assert list(section.check()) == []

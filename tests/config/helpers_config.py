"""What the tests of config/ share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors, Problem
from llm_gateway.config.load import load
from llm_gateway.config.schema import Config

TYPES: Mapping[str, frozenset[str]] = {
    "openai": frozenset(),
    "anthropic": frozenset(),
    "vllm": frozenset(),
    "local": frozenset({"file", "context", "threads"}),
    "simulator": frozenset({"speaks", "fault", "tokens_per_second", "seed"}),
}


def loaded(folder: Path, text: str | bytes, *, name: str = "gateway.yaml", flags: Sequence[str] = (), **environ: str) -> Config:
    """The configuration that a file with this text makes."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(file, overrides=flags, environ=environ, provider_types=TYPES)


def problems(
    folder: Path, text: str | bytes, *, name: str = "gateway.yaml", flags: Sequence[str] = (), **environ: str
) -> list[Problem]:
    """What is wrong with a file with this text."""
    with pytest.raises(ConfigErrors) as caught:
        loaded(folder, text, name=name, flags=flags, **environ)
    return list(caught.value.problems)


def told(folder: Path, text: str | bytes, *, name: str = "gateway.yaml", flags: Sequence[str] = (), **environ: str) -> list[str]:
    """The report's lines, without the folder."""
    return [str(problem).replace(f"{folder}/", "") for problem in problems(folder, text, name=name, flags=flags, **environ)]

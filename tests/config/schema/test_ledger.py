"""The `ledger` section."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load
from llm_gateway.config.schema import Ledger
from llm_gateway.config.schema.ledger import Interval
from llm_gateway.providers.registry import option_names


def loaded(tmp_path: Path, text: str) -> Ledger:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"ledger: {{{text}}}\nstate: {{dir: {tmp_path}}}\n")
    return load(file, environ={}, provider_types=option_names()).ledger


def test_what_is_written(tmp_path: Path) -> None:
    """Sizes, durations, and `off` for an interval."""
    said = loaded(tmp_path, "segment: 4MB, fsync: 1s, when_full: shed, keep: 2d, rotate: 10m")
    assert (said.segment, said.fsync, said.when_full, said.keep, said.rotate) == (4 << 20, 1.0, "shed", 172_800.0, 600.0)
    assert loaded(tmp_path, "fsync: off").fsync == 0
    assert loaded(tmp_path, "enabled: false").fsync == 0


def test_what_cannot_be(tmp_path: Path) -> None:
    """A segment of a kilobyte, and an interval that is none."""
    with pytest.raises(ConfigErrors, match="1MB to 1GB"):
        loaded(tmp_path, "segment: 1KB")
    with pytest.raises(ConfigErrors, match="off, or a duration"):
        loaded(tmp_path, "fsync: sometimes")


def test_an_interval_is_written_as_it_is_read() -> None:
    """Both ways."""
    for text in ("off", "1s", "250ms"):
        assert str(Interval.parse(text)) == text

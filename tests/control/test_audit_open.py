"""Where the audit log of a configuration is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from credentials.support import Lines
from llm_gateway.config.schema import Config, State
from llm_gateway.control.audit import Event
from llm_gateway.control.audit_open import install_id, open_files, open_log
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.once import StateFileUnusable


def test_another_process_can_verify_it(tmp_path: Path) -> None:
    """With the keys of the state directory, and only there."""

    async def main() -> None:
        clock = FakeClock()
        log = open_log(Config(state=State(dir=str(tmp_path))), Ids(clock.now), clock, Lines())
        await log.start()
        await log.record(Event(action="a", actor="b"))
        await log.close()

    asyncio.run(main())
    files, _ = open_files(Config(state=State(dir=str(tmp_path))))
    assert (files.check().count, files.check().broken) == (1, None)
    (tmp_path / "master.key").unlink()
    files, _ = open_files(Config(state=State(dir=str(tmp_path))))
    assert files.check().broken is not None


def test_an_installation_has_an_id(tmp_path: Path) -> None:
    """Made once; damaged, it is not replaced."""
    assert install_id(tmp_path) == install_id(tmp_path)
    assert len(install_id(tmp_path)) == 32
    (tmp_path / "install.id").write_text("\n")
    with pytest.raises(StateFileUnusable):
        install_id(tmp_path)

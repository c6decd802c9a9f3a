"""The lock for commands: while it is free, and not otherwise."""

from __future__ import annotations

import os
import time

from llm_gateway.supervisor import lock


def test_a_command_has_the_lock_while_nobody_else_has(tmp_path):
    """Free again afterwards; with a gateway there it is told so at once."""
    with lock.held(tmp_path / "state") as mine:
        assert mine
        with lock.held(tmp_path / "state") as second:
            assert not second
    with lock.held(tmp_path / "state") as mine:
        assert mine
    fd = lock.take(tmp_path / "state", time.sleep)
    with lock.held(tmp_path / "state") as mine:
        assert not mine
    os.close(fd)

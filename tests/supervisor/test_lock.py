"""One gateway for one state directory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from llm_gateway.supervisor.lock import InUse, take


def test_it_is_taken_and_given_back(tmp_path):
    """With the descriptor; the file stays and harms nobody."""
    os.close(take(tmp_path, lambda _seconds: None))
    os.close(take(tmp_path, lambda _seconds: None))


def test_another_gateway_that_runs_is_named(tmp_path):
    """At once: waiting would not help."""
    held = take(tmp_path, lambda _seconds: None)
    with pytest.raises(InUse, match=str(os.getpid())):
        take(tmp_path, lambda _seconds: pytest.fail("waited"))
    os.close(held)


def test_what_is_about_to_end_is_waited_for(tmp_path):
    """A supervisor that was killed left children: they end within seconds, and then it is ours."""
    held = take(tmp_path, lambda _seconds: None)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    (tmp_path / "lock").write_text(gone.stdout.strip())
    waits, told = [], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            os.close(held)

    os.close(take(tmp_path, sleep, lambda: told.append(1)))
    assert (len(waits), told) == (3, [1])

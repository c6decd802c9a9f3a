"""How much is tried: in every run enough to see most mistakes, and all of it in `make test-long`, which sets EVERYTHING=yes."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EVERYTHING = os.environ.get("EVERYTHING") == "yes"


def load_examples() -> None:
    """How many examples Hypothesis tries where a test does not say. How long one takes is the machine's matter, not the test's."""
    count = 500 if EVERYTHING else 50
    settings.register_profile("here", max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("here")


def examples(count: int, *, fixtures_stay: bool = False) -> settings:
    """So many examples in every run, and ten times as many where everything is tried. `fixtures_stay`: all share the test's fixtures."""
    suppressed = [HealthCheck.too_slow, *([HealthCheck.function_scoped_fixture] if fixtures_stay else [])]
    return settings(max_examples=count * 10 if EVERYTHING else count, deadline=None, suppress_health_check=suppressed)

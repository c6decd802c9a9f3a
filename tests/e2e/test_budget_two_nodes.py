"""Two nodes that share a PostgreSQL and no Redis: what one has spent of a budget, the other one learns."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from e2e.crashing import configuration
from e2e.simulator_process import simulator_process
from e2e.test_budgets_survive import ADMIN, asked
from gateway_process import KEY, running_gateway
from store_support import new_database

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]
PAYS_FOR = 60
"""Requests."""


def test_a_budget_that_another_node_spent_refuses_here(tmp_path: Path) -> None:
    """One node spends all of it. The other one, which counts its own and has heard of it when it began, lets by what comes in the
    seconds until it learns of that, and then nothing more; alone it would let by sixty."""
    with simulator_process(tmp_path, None) as simulator:
        config: dict[str, Any] = configuration(simulator.url, None, workers=1)
        keys = [{"name": "tests", "key": KEY, "budgets": [{"amount": PAYS_FOR * 1_040_000 / 1e9, "period": "month"}]}]
        config["auth"] = {"keys": [*keys, {"name": "admin", "key": ADMIN, "kind": "admin"}]}
        config["database"] = {"url": new_database(), "migrate": "auto"}
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
        with running_gateway(config, tmp_path / "one") as one, running_gateway(config, tmp_path / "other") as other:
            assert asked(other, 1000, 100)[0] == 200
            with ThreadPoolExecutor(4) as pool:
                spent = list(pool.map(lambda number: asked(one, number, 100)[0], range(PAYS_FOR + 10)))
            assert spent[-1] == 402
            assert spent.count(200) > PAYS_FOR // 2
            served, status, end = 0, 200, time.monotonic() + 60
            while status == 200 and time.monotonic() < end:
                time.sleep(1)
                status, answer = asked(other, 2000 + served, 100)
                served += status == 200
            assert (status, answer["error"]["code"]) == (402, "insufficient_quota")
            assert answer["error"]["details"]["settled"] * 1e9 >= spent.count(200) * 1_000_000
            assert served < PAYS_FOR // 2

"""What was counted, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

from control.configuring.node import Node, with_node
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, rollups
from llm_gateway.telemetry.stats import Stats


def test_only_what_is_measured_is_there(tmp_path, store):
    """Attempts as the workers told, requests and tokens of today from the ledger; no latency before anything was asked."""

    async def test(node: Node) -> None:
        shown = await node.asked("GET", "/admin/stats")
        assert "latency" not in shown
        assert "cache" not in shown
        stats = Stats()
        for ok in (True, True, False):
            stats.record("a", "x", 0.25, ok, None if ok else "timeout", 1.0)
        told = {
            "changes": [list(change) for change in stats.changes({})],
            "sessions": 4,
            "cached": {"hit": 2, "stale": 1, "miss": 1},
        }
        node.statistics.report(SimpleNamespace(slot=0, run="r"), told)  # type: ignore[arg-type]
        now = int(node.clock.now() * 1000)
        rows = [
            LedgerRow("01J00000000000000000000001", now, status="completed", input=5, cache_read=2, output=7, cost=9),
            LedgerRow("01J00000000000000000000002", now, status="failed"),
            LedgerRow("01J00000000000000000000003", now, status="client_gone", output=1),
        ]
        await node.threads.write(lambda connection: rollups.fold(connection, ledger.put(connection, rows)))
        shown = await node.asked("GET", "/admin/v1/stats")
        assert shown["attempts"] == {"total": 3, "success": 2, "failed": 1}
        assert shown["latency"]["p50_ms"] == 250.0
        assert shown["active_requests"] == 4
        counts = {"hits": 2, "misses": 1, "stale": 1, "coalesced": 0, "bypassed": 0}
        assert shown["cache"] == {**counts, "hit_ratio": 0.75}
        requests = shown["requests"]
        assert (requests["total"], requests["success"], requests["failed"]) == (3, 1, 1)
        assert shown["tokens"] == {"input": 7, "output": 8, "total": 15}
        node.store.away = True
        shown = await node.asked("GET", "/admin/stats")
        assert "requests" not in shown
        assert "away" in shown["missing"]["requests"]

    with_node(tmp_path, store, test)

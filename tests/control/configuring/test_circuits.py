"""Circuit breakers on the admin API."""

from __future__ import annotations

from control.configuring.node import Node, with_node
from llm_gateway.identity.roles import AUDITOR, Principal

ALL = "/admin/v1/circuit-breakers"


def test_breakers_are_listed_and_reset(tmp_path, store):
    """A reset is in the audit log; who may only look may only look."""

    async def test(node: Node) -> None:
        assert (await node.asked("GET", ALL))["data"] == [{"id": "a", "state": "open"}]
        await node.asked("POST", f"{ALL}/a/reset", 204)
        assert node.breakers.told == ["a"]
        await node.asked("POST", f"{ALL}/none/reset", 404)
        assert [event.action for event in node.audit.events] == ["circuit.reset", "circuit.reset"]
        node.principal = Principal("x", "x", frozenset({AUDITOR}))
        await node.asked("GET", ALL)
        await node.asked("POST", f"{ALL}/a/reset", 403)

    with_node(tmp_path, store, test)

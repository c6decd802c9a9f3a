"""Objects of the API as a layer of the configuration."""

from __future__ import annotations

import pytest

from control.configuring.node import Node, living
from llm_gateway.channel.sealed import last_good
from llm_gateway.control.configuring.kinds import Made
from llm_gateway.control.configuring.overlay import PART, in_order, kept, overlay_of, packed, unpacked
from serving import run


def made(kind: str, name: str, document, created: int = 1) -> Made:
    return Made(kind, name, document, 1, created, created, "boss")


def test_each_kind_has_its_place():
    """As the file has it; rules in the order of their positions, without them."""
    rules = [made("rule", "z", {"then": {}, "position": 1}), made("rule", "y", {"then": {}, "position": 0})]
    others = [
        made("limit", "models/gpt-4o", {}),
        made("limit", "everyone", {}),
        made("provider", "p", {}),
        made("model", "a/b", {}),
    ]
    assert list(overlay_of([*rules, *others]).items()) == [
        (("limits", "everyone"), {}),
        (("limits", "models", "gpt-4o"), {}),
        (("models", "a/b"), {}),
        (("providers", "p"), {}),
        (("routing", "rules", "y"), {"name": "y", "then": {}}),
        (("routing", "rules", "z"), {"name": "z", "then": {}}),
    ]


def test_there_and_back_as_a_part_of_the_snapshot():
    """What cannot be read is nothing: the store has it, too."""
    objects = [made("model", "m", {"deployments": ["a/x"]}), made("rule", "r", {"position": 3}, 5)]
    assert list(unpacked(packed(objects))) == in_order(objects)
    assert unpacked(None) == unpacked(b"\xc1") == ()
    assert kept({}) == {}


@pytest.mark.parametrize("away", [True, False])
def test_objects_outlive_the_store(tmp_path, store, away):
    """A control process that begins without a store goes on from the snapshot; with one it believes the store."""

    async def main() -> None:
        async with living(Node(tmp_path, store)) as node:
            await node.made("models", "fast", deployments=["a/x"])
            good = last_good(tmp_path / "node", b"s" * 32)
            assert good is not None
            assert PART in good.parts
        later = Node(tmp_path, store, parts=dict(good.parts))
        later.store.away = True
        async with living(later) as node:
            assert "fast" in node.models
            if not away:
                node.store.away = False
                await node.asked("DELETE", "/admin/v1/models/fast", 204)
                assert "fast" not in node.models
                assert PART not in node.builder.current.parts

    run(main)

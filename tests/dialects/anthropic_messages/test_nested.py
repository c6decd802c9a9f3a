"""Members set by their path."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.nested import put
from llm_gateway.dialects.anthropic_messages.wire import ToolWire


def test_members_go_to_their_place():
    """In objects that are there, in objects that are made for it, and in structs and raw JSON within lists."""
    document = {"a": {"b": 1}, "tools": [ToolWire("t", Raw(b"{}")), Raw(b'{"name":"u"}')]}
    assert all(put(document, path, 7) for path in ("x", "a.c", "new.d", "tools[0].e", "tools[1].f"))
    assert msgspec.json.decode(encode(document)) == {
        "a": {"b": 1, "c": 7},
        "tools": [{"name": "t", "input_schema": {}, "e": 7}, {"name": "u", "f": 7}],
        "x": 7,
        "new": {"d": 7},
    }


def test_a_place_that_is_gone_is_said():
    """So that the caller of it can name the member as dropped."""
    document = {"tools": [{}], "a": 1}
    assert not any(put(document, path, 7) for path in ("tools[1].x", "a.b", "lost[0].x", "tools[0]", "tools[0].a[1].b"))


@pytest.mark.parametrize("path", ["", ".", "a..b", "[0]", "a[", "a]", "a[-1].b", "tools[" + "9" * 5000 + "].x"])
def test_a_name_that_is_no_path(path):
    """A caller's member may have any name: it has no place, and nothing is set."""
    document = {"tools": [{}]}
    assert not put(document, path, 7)
    assert document == {"tools": [{}]}

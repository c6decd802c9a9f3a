"""`llm-gateway content`."""

from __future__ import annotations

import time


def test_what_was_said_is_shown_and_deleted(asking, data):
    """Of a tenant that agreed, without what is personal; of another one there is nothing to show."""
    said = asking(
        "chat", "my number is 4111 1111 1111 1111 \u202e\x9b31m", "-m", "m", GATEWAY_API_KEY="sk-content-0123456789abcdef"
    )
    assert said.exit_code == 0, said.stderr
    end = time.monotonic() + 30
    while not (records := data("content", "show", "agreed")["data"]):
        assert time.monotonic() < end, "it was not written"
        time.sleep(0.1)
    shown = asking("content", "show", "agreed", "--request-id", records[0]["request_id"])
    assert "my number is [card] \ufffd\ufffd31m" in shown.stdout  # what callers write never moves a terminal's cursor
    assert data("content", "show", "agreed", "--request-id", "req_other")["data"] == []
    assert asking("content", "show", "acme").exit_code == 1
    assert data("content", "delete", "agreed") == {"deleted": "agreed"}
    assert data("content", "show", "agreed")["data"] == []

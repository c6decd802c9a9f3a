"""What the log shows, and what it must not."""

from __future__ import annotations

from llm_gateway.simulator import SimulatorOptions, fingerprint, running_simulator
from simulator.support import CHAT, chat, exchange, get, post


def test_entry(simulator):
    """An entry tells what was asked, what struck, and what became of the answer."""
    exchange(simulator.url, post(f"/f/503:times=1{CHAT}", chat(), "X-Tag: 7"))
    exchange(simulator.url, post(f"/f/503:times=1{CHAT}", chat()))
    struck, plain = simulator.requests
    assert (struck.method, struck.path, struck.dialect, struck.model) == ("POST", CHAT, "openai_chat", "gpt-test")
    assert (struck.status, struck.fault, struck.applied) == (503, "503:times=1", ("503",))
    assert (plain.status, plain.applied) == (200, ())
    assert struck.header("x-tag") == "7"
    assert struck.body_size == len(struck.body) > 0
    assert struck.sent > 0
    assert struck.done is not None
    assert struck.client_gone is None


def test_credentials_are_shown_as_fingerprints(simulator):
    """No key is found in the log, by any address; its fingerprint is."""
    secret = "sk-very-secret-canary"
    headers = [f"Authorization: Bearer {secret}", f"x-api-key: {secret}", f"Cookie: session={secret}"]
    exchange(simulator.url, post(f"{CHAT}?key={secret}&x=1", chat(), *headers))
    shown = exchange(simulator.url, get("/__simulator/log"))
    assert secret.encode() not in shown.data
    assert secret not in repr(simulator.requests)
    entry = simulator.requests[0]
    assert entry.header("authorization") == f"Bearer {fingerprint(secret)}"
    assert entry.header("x-api-key") == fingerprint(secret)
    assert entry.target == f"{CHAT}?key={fingerprint(secret)}&x=1"


def test_log_is_bounded():
    """Only the last requests are kept, and of each body only so much."""
    with running_simulator(SimulatorOptions(log_size=3, log_body_bytes=10)) as simulator:
        for number in range(5):
            exchange(simulator.url, post(CHAT, chat(str(number))))
        assert [seen.number for seen in simulator.requests] == [3, 4, 5]
        assert {len(seen.body) for seen in simulator.requests} == {10}
        assert simulator.stats()["requests"] == 5


def test_admin_addresses(simulator):
    """log, stats and faults are shown, reset forgets, admin requests are not logged themselves."""
    for fault in ("429:times=1", "429:times=1", "crlf"):
        exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat()))
    stats = exchange(simulator.url, get("/__simulator/stats")).json
    assert (stats["requests"], stats["by_status"], stats["by_fault"]) == (3, {"429": 1, "200": 2}, {"429": 1, "crlf": 1})
    assert [entry["number"] for entry in exchange(simulator.url, get("/__simulator/log?n=2")).json] == [2, 3]
    assert "body" not in exchange(simulator.url, get("/__simulator/log")).json[0]
    assert any(row["name"] == "gzip" for row in exchange(simulator.url, get("/__simulator/faults")).json)
    assert exchange(simulator.url, post("/__simulator/reset", b"")).json == {"ok": True}
    assert exchange(simulator.url, get("/__simulator/log")).json == []
    assert exchange(simulator.url, post(f"/f/429:times=1{CHAT}", chat())).status == 429
    assert exchange(simulator.url, get("/__simulator/nothing")).status == 404

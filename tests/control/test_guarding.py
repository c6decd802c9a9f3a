"""Wrong credentials and signatures, over all processes of a node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from admin_support import sync
from control.admission_support import ADMIN, KEYS, request, signed
from llm_gateway.control.admission import Admission
from llm_gateway.control.guarding import Guard
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import RateLimited, Unauthenticated
from llm_gateway.snapshot import compile_snapshot
from whole_gateway import PEPPER, config_of

CONFIG = {"server": {"workers": 3}, "auth": {"keys": [{**one, "require_signature": True} for one in KEYS]}}
PEER = "198.51.100.1"


class Node:
    """A guard, and the workers it tells."""

    def __init__(self) -> None:
        self.clock = FakeClock(1_800_000_000.0)
        self.workers = [SimpleNamespace(peer=self, told=[]) for _ in range(2)]
        self.logged: list[str] = []
        self.pushed: list[Any] = []
        self.answered: list[Any] = []
        hub: Any = SimpleNamespace(push=lambda topic, body: self.pushed.append((topic, body)))
        self.guard = Guard(self.clock, lambda _level, event, **_facts: self.logged.append(event), lambda: hub)
        self.guard.configure(config_of(CONFIG))

    def failed(self, **times: int) -> list[Any]:
        """What the worker that tells this is told."""
        told: list[Any] = []
        peer = SimpleNamespace(tell=lambda topic, body: told.append((topic, body)))
        worker: Any = SimpleNamespace(peer=peer)
        self.guard.told["failed"](worker, times or {PEER: 3})
        return told


def test_failures_of_all_workers_are_one_count():
    """Two workers that saw three each: all are told who is locked out and for how long, and the audit log is, once. A worker that
    was not there then is told when it asks for it.
    """
    node = Node()
    assert node.failed() == []
    node.clock.advance(100)
    assert node.failed() == [("locked", [(PEER, 200.0)])]
    assert node.pushed == [("locked", [(PEER, 200.0)])]
    assert node.failed() == [("locked", [(PEER, 200.0)])]
    assert (len(node.pushed), node.logged) == (1, ["locked_out"])
    [event] = node.guard.noted.take()[0]
    assert (event.action, event.ip, event.reason) == ("auth.locked_out", PEER, "6 failures")


@sync
async def test_wrong_keys_at_the_operators_port_count_with_them():
    """It is no way to go on guessing; the right key is let in, and what is missing is no guess."""
    node = Node()
    snapshot = compile_snapshot(config_of({"auth": {"keys": KEYS}}), pepper=PEPPER, environ={}, managed={})
    admission = Admission(lambda: snapshot, node.clock, guard=node.guard)

    async def asked(key: str) -> Any:
        sent = request(key)
        sent.scope["client"] = (PEER, 1)
        return await admission.caller(sent)

    node.failed()
    for wanted in (Unauthenticated, Unauthenticated, RateLimited, RateLimited):
        with pytest.raises(wanted):
            await asked("sk-wrong-0123456789")
    with pytest.raises(Unauthenticated):
        await asked("")
    assert (await asked(ADMIN)).key_name == "a"
    assert [topic for topic, _ in node.pushed] == ["locked"]
    found = {event.action: event.count for event in node.guard.noted.take()[0]}
    assert found == {"auth.failed": 4, "auth.locked_out": 1}


@sync
async def test_a_signature_counts_once_for_all_of_them():
    """Whichever worker it comes to, and at this port; and more than all workers may remember are refused."""
    node = Node()
    once: Any = node.guard.asked["once"]
    assert [await once(worker, [b"a", 10.0]) for worker in node.workers] == ["", "replayed_signature"]
    node.clock.advance(11)
    assert await once(None, [b"a", 10.0]) == ""

    snapshot = compile_snapshot(config_of(CONFIG), pepper=PEPPER, environ={}, managed={})
    headers = signed(ADMIN, b"{}", int(node.clock.now()))
    assert await once(None, [bytes.fromhex(headers["x_signature"]), 300.0]) == ""
    with pytest.raises(Unauthenticated) as caught:
        await Admission(lambda: snapshot, node.clock, guard=node.guard).caller(request(ADMIN, "POST", body=b"{}", **headers))
    assert caught.value.code == "replayed_signature"
    assert node.guard.once.most == 3 * 100_000
    node.guard.once.most = 2
    assert await once(None, [b"more", 10.0]) == "too_many_signatures"

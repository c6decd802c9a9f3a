"""A worker's half of content logging."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from llm_gateway.config.schema.content import Content
from llm_gateway.config.values import Size
from llm_gateway.core.clock import FakeClock
from llm_gateway.telemetry import content as module
from llm_gateway.telemetry.content import MESSAGE, Contents, Said


def request(tenant: str | None = "open", body: bytes = b"{}", sample: bytes = b"{}") -> Any:
    """One that is over. None: nobody knows who asked."""
    caller = None if tenant is None else SimpleNamespace(tenant=tenant, project="", key_name="k")
    facts = {"id": "req", "path": b"/v1", "model": "m", "served_provider": "p", "served_model": "s", "status": 200}
    more = {"outcome": "completed", "error": None, "stream": False, "body": body, "sample": sample, "bytes_out": len(sample)}
    more["cached"] = ""
    return SimpleNamespace(caller=caller, **facts, **more)


def contents(**settings: Any) -> Contents:
    made = Contents(FakeClock(), lambda _ex: "hash")
    assert made.configure(Content(tenants=("open",), **settings)) is made
    return made


def told(made: Contents) -> tuple[list[list[Said]], int]:
    """Message by message, and what was dropped."""
    messages: list[list[Said]] = []
    dropped = 0

    def tell(_topic: str, body: Any) -> bool:
        nonlocal dropped
        messages.append(msgspec.msgpack.decode(body[0], type=list[Said]))
        dropped += body[1]
        return True

    made.tell(tell)
    return messages, dropped


def test_only_who_agreed_is_told_and_only_once():
    """Others' requests, and those of nobody, are not even counted."""
    made = contents()
    for tenant in ("open", "closed", "", None):
        made.ended(request(tenant))
    (messages, dropped) = told(made)
    assert [[said.tenant for said in message] for message in messages] == [["open"]]
    assert (messages[0][0].user, dropped) == ("hash", 0)
    assert told(made) == ([], 0)


def test_nothing_is_to_be_done_where_nobody_agreed_or_the_switch_is_off():
    """Then the observer does not even ask; what waited is let go."""
    made = contents()
    made.ended(request())
    assert made.configure(Content()) is None
    assert made.configure(Content(enabled=False, tenants=("open",))) is None
    made.configure(Content(tenants=("open",)))
    assert told(made) == ([], 0)


def test_bodies_are_cut_and_their_size_is_said():
    """So many bytes of each; a stream is asked for as many."""
    made = contents(record=Size(1000))
    made.ended(request(body=b"x" * 5000, sample=b"y" * 10))
    assert made.wanted(request()) == 1000 * module.WIRE
    assert made.wanted(request("closed")) == made.wanted(request(None)) == 0
    ((said,),) = told(made)[0]
    assert (len(said.request), said.request_size, len(said.answer), said.answer_size) == (2000, 5000, 10, 10)


def test_messages_are_of_a_size_that_the_channel_takes():
    """Several, none much larger than MESSAGE."""
    made = contents(record=Size(100_000))
    for _ in range(10):
        made.ended(request(body=b"x" * 200_000))
    messages, _ = told(made)
    assert sum(map(len, messages)) == 10
    assert all(sum(len(said.request) for said in message) <= MESSAGE for message in messages)


def test_what_finds_no_room_is_dropped_and_counted(monkeypatch):
    """While control is away; what is held is told when it is back."""
    monkeypatch.setattr(module, "MOST_HELD", 5000)
    made = contents()
    for _ in range(100):
        made.ended(request(body=b"x" * 500))
    made.tell(lambda _topic, _body: False)
    messages, dropped = told(made)
    assert sum(map(len, messages)) + dropped == 100
    assert 0 < dropped < 100

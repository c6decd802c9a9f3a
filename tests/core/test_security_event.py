"""Events that workers collect."""

from __future__ import annotations

import msgspec

from llm_gateway.core.security_event import MOST_KINDS, Noted, SecurityEvent


def failed(ip: str, **fields: object) -> SecurityEvent:
    return msgspec.structs.replace(SecurityEvent(at=1000, action="auth.failed", ip=ip), **fields)


def test_the_same_is_counted() -> None:
    """One event for an address, however often; the next report begins anew."""
    noted = Noted()
    for at in range(5):
        noted.add(failed("10.0.0.1", at=at, request_id=f"req-{at}"))
    noted.add(failed("10.0.0.2"))
    events, beyond = noted.take()
    assert [(event.ip, event.count, event.at) for event in events] == [("10.0.0.1", 5, 0), ("10.0.0.2", 1, 1000)]
    assert beyond == 0
    assert noted.take() == ([], 0)


def test_nobody_can_fill_the_memory() -> None:
    """Beyond so many addresses, and beyond so many characters, it is only counted."""
    noted = Noted()
    for number in range(MOST_KINDS + 10):
        noted.add(failed(str(number), user_agent="x" * 10_000))
    events, beyond = noted.take()
    assert (len(events), beyond) == (MOST_KINDS, 10)
    assert max(len(event.user_agent) for event in events) == 256


def test_it_travels() -> None:
    """As an array of msgpack, and back."""
    event = failed("10.0.0.1", count=7)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=SecurityEvent) == event

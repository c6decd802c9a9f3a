"""What a worker tells control of those who call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Forbidden, NotFound
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.identity.uses import Uses
from llm_gateway.worker.security import BATCH, USES_EVERY, Security, Watched


class Link:
    """Takes what is told, while it is there."""

    def __init__(self) -> None:
        self.there = True
        self.told: list[tuple[str, Any]] = []

    def __call__(self, topic: str, body: Any) -> bool:
        if self.there:
            self.told.append((topic, body))
        return self.there

    def events(self) -> list[SecurityEvent]:
        return [one for topic, body in self.told if topic == "security" for one in msgspec.convert(body[0], list[SecurityEvent])]


def test_each_refusal_by_what_it_is():
    """A wrong key, one that is over, a bad signature; nothing at all is no attack."""
    security, link = Security(FakeClock()), Link()
    for code in ("invalid_api_key", "invalid_api_key", "expired_api_key", "replayed_signature", "missing_api_key"):
        security.failed("10.0.0.1", code)
    security.locked("10.0.0.1", 6)
    security.tell(link, None)
    found = [(event.action, event.reason, event.count) for event in link.events()]
    assert found == [
        ("auth.failed", "invalid_api_key", 2),
        ("key.expired_used", "expired_api_key", 1),
        ("auth.replayed", "replayed_signature", 1),
        ("auth.locked_out", "6 failures", 1),
    ]
    assert {event.ip for event in link.events()} == {"10.0.0.1"}


def test_what_cannot_be_told_is_told_later():
    """With its count; batches are bounded."""
    security, link = Security(FakeClock()), Link()
    for number in range(BATCH + 5):
        security.failed(f"10.0.{number // 250}.{number % 250}", "invalid_api_key")
    link.there = False
    security.tell(link, None)
    security.failed("10.0.0.0", "invalid_api_key")
    link.there = True
    security.tell(link, None)
    assert [len(body[0]) for _, body in link.told] == [BATCH, 5]
    assert sum(event.count for event in link.events()) == BATCH + 6


@pytest.mark.parametrize(("error", "told"), [(Forbidden("no", code="model_not_accessible"), 1), (NotFound("no"), 0), (None, 0)])
def test_denied_requests(error: Any, told: int):
    """Who, what and why; other failures are none of it. The ending itself is passed on."""
    security, link, ended = Security(FakeClock()), Link(), []
    ex: Any = SimpleNamespace(
        error=error, caller=SimpleNamespace(key_id="key_1", tenant="t"), peer="1.2.3.4", model="gpt", id="r"
    )
    security.after(ended.append)(ex)
    security.tell(link, None)
    assert ended == [ex]
    facts = [(one.action, one.actor, one.resource, one.reason, one.request_id, one.tenant) for one in link.events()]
    assert facts == [("permission.denied", "key_1", "models/gpt", "model_not_accessible", "r", "t")] * told


def test_a_shut_door_is_told():
    """And stays shut."""
    security, link = Security(FakeClock()), Link()

    def door(_request: Any) -> None:
        raise Forbidden("no", code="address_not_allowed")

    with pytest.raises(Forbidden):
        Watched(door, security.turned_away)(SimpleNamespace(peer="9.9.9.9"))  # type: ignore[arg-type]
    security.tell(link, None)
    assert [(event.action, event.ip) for event in link.events()] == [("auth.refused_address", "9.9.9.9")]


def test_uses_are_told_now_and_then():
    """Once in ten reports, and at the end; digests under a new pepper with them."""
    security, link, uses = Security(FakeClock()), Link(), Uses()
    keys: Any = SimpleNamespace(uses=uses)
    uses.renew("key_2", b"d")
    for _ in range(USES_EVERY):
        uses.note(SimpleNamespace(kind="gateway", key_id="key_1", noted=0))  # type: ignore[arg-type]
        security.tell(link, keys)
    assert link.told == [("uses", [["key_1"], {}]), ("uses", [[], {"key_2": b"d"}])]
    uses.note(SimpleNamespace(kind="gateway", key_id="key_3", noted=0))  # type: ignore[arg-type]
    security.tell(link, keys, last=True)
    assert link.told[2:] == [("uses", [["key_3"], {}])]

"""What workers tell the audit log: logins that failed, lockouts, rights that were missing. Always bounded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Action = Literal[
    "auth.failed",
    "auth.locked_out",
    "auth.refused_address",
    "auth.bad_signature",
    "auth.replayed",
    "permission.denied",
    "key.revoked_used",
    "key.expired_used",
]
FAILURES: Mapping[str, Action] = MappingProxyType(
    {
        "expired_api_key": "key.expired_used",
        "expired_token": "key.expired_used",
        "invalid_signature": "auth.bad_signature",
        "missing_signature": "auth.bad_signature",
        "expired_signature": "auth.bad_signature",
        "replayed_signature": "auth.replayed",
    }
)
"""Codes of refusals that are more than a wrong key."""
MOST_KINDS = 1000
"""Events that differ, between two reports."""
_LONGEST = 256
_TEXTS = ("actor", "ip", "resource", "reason", "request_id", "user_agent", "tenant")


def failure(code: str) -> Action:
    """What a refusal with this code is."""
    return FAILURES.get(code, "auth.failed")


class SecurityEvent(msgspec.Struct, frozen=True, array_like=True):
    """One thing that happened `count` times since the last report; the other fields are those of the first time."""

    at: int
    """Unix milliseconds."""
    action: Action
    actor: str = ""
    """The key's id, or what else is known of who asked; never the key. Empty: nobody could be told."""
    ip: str = ""
    resource: str = ""
    """What was asked for: a path, a model."""
    reason: str = ""
    request_id: str = ""
    user_agent: str = ""
    count: int = 1
    tenant: str = ""
    """Whose tenant asked; empty: nobody's, or nobody knows."""


class Noted:
    """Collects events of one worker until they are sent. The same from the same address is one event, and counted."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, str, str], SecurityEvent] = {}
        self._counts: dict[tuple[str, str, str, str], int] = {}
        self._beyond = 0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, event: SecurityEvent) -> None:
        """Remember it. Beyond MOST_KINDS different ones they are only counted."""
        key = (event.action, event.ip, event.actor[:_LONGEST], event.reason)
        if key in self._held:
            self._counts[key] += event.count
        elif len(self._held) < MOST_KINDS:
            self._held[key] = _bounded(event)
            self._counts[key] = event.count
        else:
            self._beyond += event.count

    def take(self) -> tuple[list[SecurityEvent], int]:
        """Everything since the last time, and how many more there were that nothing else is known of."""
        counts, beyond = self._counts, self._beyond
        events = [msgspec.structs.replace(event, count=counts[key]) for key, event in self._held.items()]
        self._held, self._counts, self._beyond = {}, {}, 0
        return events, beyond


def _bounded(event: SecurityEvent) -> SecurityEvent:
    texts = {name: getattr(event, name)[:_LONGEST] for name in _TEXTS}
    return msgspec.structs.replace(event, **texts)

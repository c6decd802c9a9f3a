"""Credentials that expire, for tests of what is asked of them."""

from __future__ import annotations

from typing import Any


class Signing:
    """An Authorizer whose lines come with the first wait."""

    def __init__(self) -> None:
        self.signed: list[tuple[bytes, bytes, bytes]] = []
        self.refused = self.waits = 0

    def lines(self, method: bytes, _origin: Any, target: bytes, body: bytes) -> bytes | None:
        self.signed.append((method, target, body))
        return b"X-Signed: yes\r\n" if self.waits else None

    async def ready(self, _timeout: float) -> None:
        self.waits += 1

    def stale(self) -> None:
        self.refused += 1

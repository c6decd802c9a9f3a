"""Wrong credentials and signatures, over this process and all workers of the node: a guesser has no more tries where there are
more workers, and what was signed once counts once.

Workers tell failures and are told who is locked out (worker/node.py); of a signature they ask. What was seen is lost when this
process is: workers have what they saw themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from llm_gateway.channel.hub import Hub, Worker
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, Unauthenticated
from llm_gateway.core.security_event import Noted, SecurityEvent, failure
from llm_gateway.identity.lockout import Lockout
from llm_gateway.identity.signing import Once
from llm_gateway.telemetry.journal import Log

LOCKED = "locked"
_NO_TRY = frozenset({"missing_api_key", "expired_api_key", "expired_token", "expired_signature"})
"""Codes of what is missing, or was good once."""


class Guard:
    """One per control process; `noted` goes to the audit log."""

    def __init__(self, clock: Clock, log: Log, hub: Callable[[], Hub]) -> None:
        self._clock = clock
        self._log = log
        self._hub = hub
        self.noted = Noted()
        self.once = Once(clock)
        self._lockout = Lockout(clock, self._locked)

    @property
    def told(self) -> Mapping[str, Callable[[Worker, Any], None]]:
        """What workers tell."""
        return {"failed": self._failed}

    @property
    def asked(self) -> Mapping[str, Callable[[Worker, Any], Awaitable[str]]]:
        """What workers ask."""
        return {"once": self._once}

    def configure(self, config: Config) -> None:
        """From now on."""
        self._lockout.configure(config.auth.lockout)
        self.once.most = config.auth.signing.remembered * config.server.workers.processes

    def refused(self, peer: str, refusal: Unauthenticated) -> GatewayError:
        """Somebody had wrong credentials at this process: what he is told."""
        if refusal.code == "missing_api_key":
            return refusal
        self.noted.add(SecurityEvent(self._now, failure(refusal.code), ip=peer, resource="admin", reason=refusal.code))
        return refusal if refusal.code in _NO_TRY else self._lockout.failed(peer, refusal)

    def _failed(self, worker: Worker, body: Any) -> None:
        """Raises msgspec.ValidationError."""
        known = []
        for peer, times in msgspec.convert(body, dict[str, int]).items():
            left = self._lockout.count(peer, times)
            if left is not None:
                known.append((peer, left))
        if known:
            worker.peer.tell(LOCKED, known)  # one that was told before may be another by now

    async def _once(self, _worker: Worker, body: Any) -> str:
        signature, left = msgspec.convert(body, tuple[bytes, float])
        return self.once.take(signature, left)

    def _locked(self, peer: str, failures: int) -> None:
        self._log("warning", "locked_out", source=peer, failures=failures)
        self.noted.add(SecurityEvent(self._now, "auth.locked_out", ip=peer, reason=f"{failures} failures"))
        self._hub().push(LOCKED, [(peer, self._lockout.left(peer))])

    @property
    def _now(self) -> int:
        return int(self._clock.now() * 1000)

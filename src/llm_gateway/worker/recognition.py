"""Who calls, put together: what a snapshot says about it, and what outlives snapshots.

Issuers' keys, signatures that were seen and addresses that had wrong credentials go on over reloads; tokens that were found good
are looked at again after one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from weakref import WeakSet

from llm_gateway.core.clock import Clock
from llm_gateway.http.client import Client
from llm_gateway.identity.access import door_of
from llm_gateway.identity.admitting import Admitting
from llm_gateway.identity.certificates import Certificates
from llm_gateway.identity.introspection import Introspect
from llm_gateway.identity.keys import Identify
from llm_gateway.identity.keysets import KeySets
from llm_gateway.identity.lockout import Lockout
from llm_gateway.identity.signing import Signatures
from llm_gateway.identity.tokens import Tokens
from llm_gateway.identity.who import Who
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.journal import Log
from llm_gateway.worker.security import Security, Watched


class Recognition:
    """One per worker."""

    def __init__(self, clock: Clock, log: Log, draw: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._log = log
        self._keysets = KeySets(clock, draw, log)
        self.security = Security(clock)
        node = self.security.node
        self._signatures = Signatures(clock, together=node.once)
        self._lockout = Lockout(clock, self._locked, node.failed)
        node.locked = self._lockout.shut
        self._asking: WeakSet[Introspect] = WeakSet()

    def who(self, snapshot: Snapshot, client: Client | None) -> Who:
        """The first stage of this snapshot's pipeline. Begins to fetch what its issuers publish; so it needs a running loop."""
        auth = snapshot.config.auth
        self._signatures.configure(auth.signing)
        self._lockout.configure(auth.lockout)
        self._keysets.use(client)
        self._keysets.only(auth.jwt.issuers)
        admit = Admitting(snapshot.directory, unknown_tenants=auth.jwt.unknown_tenants == "allow")
        introspect = None
        if auth.introspection is not None:
            introspect = Introspect(auth.introspection, self._keysets.http, admit, self._clock)
            self._asking.add(introspect)
        tokens = None
        if auth.jwt.issuers or introspect is not None:
            tokens = Tokens(auth.jwt, self._keysets, admit, self._clock, introspect=introspect)
        return Who(
            Identify(snapshot.keys, self._clock),
            snapshot.keys,
            self._clock,
            self._signatures,
            self._lockout,
            tokens=tokens,
            certificates=Certificates(auth.mtls, admit) if auth.mtls.rules else None,
            log=self._log,
            note=self.security.failed,
        )

    def door(self, snapshot: Snapshot) -> Watched | None:
        """Who is let in at all; None: everyone."""
        door = door_of(snapshot.config.server, certificates=bool(snapshot.config.auth.mtls.rules))
        return None if door is None else Watched(door, self.security.turned_away)

    async def close(self) -> None:
        """End all fetches and questions."""
        await asyncio.gather(*(one.close() for one in self._asking))
        await self._keysets.close()

    def _locked(self, source: str, failures: int) -> None:
        self._log("warning", "locked_out", source=source, failures=failures)
        self.security.locked(source, failures)

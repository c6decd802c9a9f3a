"""Who may use the operators' port: the same keys as in the data plane, by the scopes that are for administering."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Overloaded
from llm_gateway.identity.keys import Identify
from llm_gateway.identity.roles import demand
from llm_gateway.snapshot import Snapshot

Built = Callable[[], Snapshot | None]
"""The snapshot that holds now; None: none was built yet."""


class Admission:
    """Asks the keys of the snapshot that holds now."""

    def __init__(self, built: Built, clock: Clock) -> None:
        self._built = built
        self._clock = clock

    @property
    def open(self) -> bool:
        """Whether no key is known and none is needed. Raises Overloaded while nothing is known yet."""
        return self._snapshot().keys.open

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Raises Unauthenticated; Overloaded while nothing is known yet."""
        return Identify(self._snapshot().keys, self._clock).caller(headers)

    def demand(self, headers: Mapping[bytes, bytes], scope: str) -> Caller:
        """Who has the scope. Where no key is known and none is needed, whoever reaches the port may look, and nobody may change
        anything: with `expose_admin` the port is reached from where the main one is.

        Raises Unauthenticated, Forbidden, Overloaded.
        """
        caller = self.caller(headers)
        return caller if self._snapshot().keys.open and scope.endswith(":read") else demand(caller, scope)

    def _snapshot(self) -> Snapshot:
        snapshot = self._built()
        if snapshot is None:
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        return snapshot

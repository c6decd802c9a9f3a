"""Signs the requests of one account with the keys that are in memory."""

from __future__ import annotations

from llm_gateway.core.clock import Clock
from llm_gateway.credentials.aws.sigv4 import Credentials, Signer, Unsigned
from llm_gateway.credentials.refreshing import Refreshing
from llm_gateway.http.origin import Origin

SERVICE = "bedrock"
"""The signing name of bedrock-runtime too."""


class SigV4Authorizer:
    """An Authorizer for one region."""

    def __init__(self, held: Refreshing[Credentials], region: str, clock: Clock) -> None:
        self._held = held
        self._signer = Signer(region, SERVICE)
        self._clock = clock
        self.ready = held.ready
        self.stale = held.stale
        self.start = held.start
        self.close = held.close

    def lines(self, method: bytes, origin: Origin, target: bytes, body: bytes) -> bytes | None:
        """X-Amz-Date, X-Amz-Security-Token of temporary keys, Authorization."""
        keys = self._held.current()
        if keys is None:
            return None
        path, _, query = target.decode("ascii").partition("?")
        request = Unsigned(method.decode("ascii"), origin.authority.decode("ascii"), path, body, query)
        return self._signer.sign(keys, request, self._clock.now())

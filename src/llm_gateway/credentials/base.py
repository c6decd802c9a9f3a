"""What a request needs of credentials that expire: header lines from memory, and a way to wait until there are some."""

from __future__ import annotations

from typing import Protocol

from llm_gateway.http.origin import Origin


class Authorizer(Protocol):
    """Signs the requests of one account."""

    def lines(self, method: bytes, origin: Origin, target: bytes, body: bytes) -> bytes | None:
        """The header lines to add, each ending CRLF, from what is in memory: no I/O. None: nothing valid is at hand."""
        ...

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109 - the pipeline's deadline, which it hands down
        """Wait until `lines` has something, `timeout` seconds at most. However many wait, one fetches.

        Raises CredentialsUnavailable.
        """
        ...

    def stale(self) -> None:
        """The provider refused what `lines` gave: fetch anew, outside of any request and not too often."""
        ...

    def start(self) -> None:
        """Fetch in the background from now on. Needs a running loop; more than once is once."""
        ...

    async def close(self) -> None:
        """End what runs in the background. What is in memory stays usable until it expires."""
        ...

"""Which keys were used since it was last told, and which of them should be kept under the current pepper from now on."""

from __future__ import annotations

from typing import NamedTuple

from llm_gateway.core.caller import Caller

MOST = 65_536
"""Keys noted between two reports. Of more, the rest is noted in the next period in which it is used."""


class Told(NamedTuple):
    """What happened to keys since the report before."""

    used: tuple[str, ...]
    """Ids. When exactly is not noted: a report is as good as its interval."""
    renewed: dict[str, bytes]
    """Ids of keys that were found under an older pepper, and their digests under the current one."""


class Uses:
    """Outlives snapshots. What is looked at for each request is one number."""

    def __init__(self) -> None:
        self.period = 1
        """Raised by each report; a caller whose `noted` is this one was noted."""
        self._used: set[str] = set()
        self._renewed: dict[str, bytes] = {}

    def note(self, caller: Caller) -> None:
        """Its key was used. What is no key of a directory has no use to report."""
        if len(self._used) < MOST:
            caller.noted = self.period
            if caller.kind in ("gateway", "admin", "readonly"):
                self._used.add(caller.key_id)

    def renew(self, key_id: str, digest: bytes) -> None:
        if len(self._renewed) < MOST:
            self._renewed[key_id] = digest

    def take(self) -> Told:
        """Everything since the last time, which is forgotten here."""
        told = Told(tuple(sorted(self._used)), self._renewed)
        self.period += 1
        self._used, self._renewed = set(), {}
        return told

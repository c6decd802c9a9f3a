"""Parts of a control process for tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.snapshot import Signer, Snapshot


class FakeWorker:
    """Stands at the other end of the channel: takes parcels as a worker does, or refuses them."""

    def __init__(self, secret: bytes, begin: Snapshot, slot: int = 0) -> None:
        self.signer = Signer(secret)
        self.snapshot = begin
        self.refuses = ""
        self.silent = False
        self.got: list[int] = []
        self.sizes: list[int] = []
        self.builder: Any = None
        peer = SimpleNamespace(tell_bulk=self._told)
        self.worker = Worker(slot, 1, "r", begin.number, peer, dict(begin.digests))  # type: ignore[arg-type]

    def _told(self, topic: str, body: Any) -> None:
        assert topic == "snapshot"
        made = self.signer.open(body, self.snapshot)
        self.got.append(made.number)
        self.sizes.append(sum(map(len, body["parts"].values())))
        if self.refuses:
            self.builder.refused(self.worker, [made.number, self.refuses])
        elif not self.silent:
            self.snapshot = made
            self.builder.has(self.worker, {"number": made.number, "digests": dict(made.digests)})

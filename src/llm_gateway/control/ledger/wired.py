"""The ledger in the control process, wired: what is shipped, what workers ask about it, and what goes with time."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.peer import Refused
from llm_gateway.config.schema import Config
from llm_gateway.control.ledger.alerts import Alerting
from llm_gateway.control.ledger.budgets import Asked, Budgets, Told
from llm_gateway.control.ledger.retention import Retention
from llm_gateway.control.ledger.shipper import Shipper
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.credentials.fetch import Answer, Http
from llm_gateway.credentials.once import made_once
from llm_gateway.credentials.outward import client_of
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.http.client import Client
from llm_gateway.limits.alerts import Alert
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

CATCH_UP_SECONDS = 8.0
"""How long a worker's question waits until what was written before is in the store: less than the worker waits."""
_NODE_BYTES = 64


class Keeping:
    """One per control process."""

    def __init__(
        self,
        state: Path,
        store: Transactions,
        clock: Clock,
        log: Log,
        *,
        config: Callable[[], Config],
        environ: Mapping[str, str],
    ) -> None:
        """Raises StateFileUnusable."""
        self._store = store
        self._config = config
        self.budgets = Budgets(clock)
        self.shipper = Shipper(state, node_of(state), store, self.budgets, lambda: config().ledger, clock, log)
        self.retention = Retention(store, lambda: config().ledger, clock, log)
        self.alerting = Alerting(store, config, clock, log, sender=partial(Outward, environ))
        self.recorded = config().ledger.enabled

    @property
    def asked(self) -> Mapping[str, Callable[[Worker, Any], Awaitable[Any]]]:
        """Of workers, for the Hub."""
        return {"spent": self._spent, "spent_by_others": self._spent_by_others, "budget_alerts": self._alerts}

    def start(self) -> None:
        if self.recorded:
            self.shipper.start()
        self.retention.start()
        self.alerting.start()

    async def close(self) -> None:
        """Before the store is."""
        await self.shipper.close()
        await self.retention.close()
        await self.alerting.close()

    async def _spent(self, _worker: Worker, body: Any) -> Any:
        """What budgets have spent: everything that was written until now is in it. Raises Refused."""
        node, asked = msgspec.convert(body, tuple[str, list[Asked]])
        try:
            if self.shipper.problem:
                raise Refused("away", f"nothing is shipped: {self.shipper.problem}")
            await within(self.shipper.caught_up(), CATCH_UP_SECONDS)
            async with self.shipper.bringing:
                told: list[Told] = await self._store.write(lambda connection: self.budgets.tell(connection, asked, node))
        except TimeoutError:
            raise Refused("busy", f"the ledger is behind: {self.shipper.problem or 'it is being shipped'}") from None
        except StoreError as error:
            raise Refused("away", str(error)) from None
        return msgspec.to_builtins(told)

    async def _spent_by_others(self, _worker: Worker, body: Any) -> Any:
        """What other nodes have spent meanwhile, as the store knows it. Raises Refused."""
        node, asked = msgspec.convert(body, tuple[str, list[Asked]])
        try:
            async with self.shipper.bringing:
                told = await self._store.read(lambda connection: self.budgets.tell_again(connection, asked, node))
        except StoreError as error:
            raise Refused("away", str(error)) from None
        return msgspec.to_builtins(told)

    async def _alerts(self, _worker: Worker, body: Any) -> Any:
        self.alerting.take(msgspec.convert(body, list[Alert]))
        return None


class Outward:
    """One way out, through the proxies that the configuration says."""

    def __init__(self, environ: Mapping[str, str], config: Config) -> None:
        self._http = Http()
        self._client: Client | None = None
        self._environ = environ
        self._network = config.network

    async def send(self, what: str, method: bytes, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Raises Unavailable."""
        try:
            self._client = client_of(self._network, self._environ)
        except (OSError, ValueError):
            raise Unavailable("network has certificates or a proxy that cannot be used") from None
        self._http.use(self._client)
        return await self._http.send(what, method, url, headers, body)

    async def close(self) -> None:
        await self._http.close()
        if self._client is not None:
            await self._client.close()


def node_of(state: Path) -> str:
    """What tells this state directory's logs from those of other nodes in the same store. Raises StateFileUnusable."""
    made = made_once(state / "ledger" / "node", lambda: secrets.token_hex(8).encode() + b"\n", most=_NODE_BYTES)
    return made.decode("ascii", "replace").strip()

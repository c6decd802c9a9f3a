"""`database`: where the control plane keeps what is made over the API, the ledger and the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, about
from llm_gateway.config.values import Duration, Secret

SCHEMES = ("postgresql://", "postgres://")


class Database(Section, frozen=True):
    """The store. Without a URL it is an SQLite file in the state directory, for one node."""

    url: Annotated[
        Secret | None,
        about("postgresql://user:password@host:port/database, with libpq's parameters; absent: gateway.db in state.dir."),
    ] = None
    connections: Annotated[int, about("Most connections that a control process opens.", ge=1, le=100)] = 5
    timeout: Annotated[
        Duration, about("How long connecting, waiting for a connection, and a statement may each take.", positive=True)
    ] = Duration(10)
    migrate: Annotated[
        Literal["auto", "manual"] | None,
        about(
            "auto: control brings an older schema up to date when it starts; manual: it refuses to start and names"
            " `llm-gateway migrate run`. Absent: auto for SQLite, manual for PostgreSQL."
        ),
    ] = None

    @property
    def migrates(self) -> bool:
        """Whether control may change the schema."""
        return self.url is None if self.migrate is None else self.migrate == "auto"

    def check(self) -> Iterator[Fault]:
        if self.url is not None and not self.url.reveal().startswith(SCHEMES):
            yield "url", "expected postgresql://user:password@host/database"

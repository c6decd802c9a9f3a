"""What commands do on the machine of the gateway, whether or not it runs: its store, and an entry in its audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llm_gateway.cli.check import load_config
from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.ids import Ids

if TYPE_CHECKING:  # the store's libraries are heavy, and most commands need none of them
    from llm_gateway.control.audit import Event
    from llm_gateway.store.connect import Store


def configured(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Config:
    """The configuration; what is wrong with it ends the command."""
    try:
        return load_config(path, overrides)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())


@contextmanager
def opened_store(output: Output, config: Config) -> Iterator[Store]:
    """The configured store, with its schema; what goes wrong with it ends the command."""
    from llm_gateway.store.errors import StoreError  # noqa: PLC0415 - see above
    from llm_gateway.store.ready import ready_store  # noqa: PLC0415 - see above

    try:
        store = ready_store(config.database, Path(config.state.dir), SystemClock())
        try:
            yield store
        finally:
            store.close()
    except StoreError as error:
        output.fail(str(error))


def recorded(output: Output, config: Config, event: Event) -> None:
    """An entry in the audit log. A gateway that runs is the only one that writes it: then there is none, and that is said."""
    from llm_gateway.control.audit_log import AuditUnavailable  # noqa: PLC0415 - see above
    from llm_gateway.control.audit_open import open_log  # noqa: PLC0415 - see above
    from llm_gateway.credentials.once import StateFileUnusable  # noqa: PLC0415 - see above
    from llm_gateway.supervisor import lock  # noqa: PLC0415 - see above

    async def write() -> None:
        clock = SystemClock()
        log = open_log(config, Ids(clock.now), clock, lambda *_, **__: None)
        await log.start()
        try:
            await log.record(event)
        finally:
            await log.close()

    try:
        with lock.held(Path(config.state.dir)) as mine:
            if mine:
                asyncio.run(write())
                return
    except (OSError, AuditUnavailable, StateFileUnusable) as error:
        output.note(f"The audit log could not be written: {error}")
        return
    output.note("The gateway runs, and it alone writes the audit log: this change is not in it.")

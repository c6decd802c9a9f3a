"""`llm-gateway admin-key create`: the first key of the admin API, made on the machine that has the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llm_gateway.cli.check import config_option, set_option
from llm_gateway.cli.offline import configured, opened_store, recorded
from llm_gateway.cli.output import Output
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.ids import Ids


@click.group(name="admin-key")
def admin_key() -> None:
    """The first key of the admin API.

    It is put into the database of the configuration, whether or not a gateway runs: whoever may do that needs no key. All others
    are made with it: `llm-gateway keys create`. Once there is any key, requests of models need one, too (auth.required).
    """


@admin_key.command()
@click.option("--name", default="admin", show_default=True, help="What the key is called.")
@click.option("--readonly", is_flag=True, help="A key that may look, and change nothing.")
@config_option
@set_option
@click.pass_obj
def create(output: Output, name: str, path: Path | None, overrides: tuple[str, ...], *, readonly: bool) -> None:
    """Make a key for the admin API, and show it once. A gateway that runs knows it within a second."""
    from llm_gateway.control.audit import Event  # noqa: PLC0415 - most commands need no database
    from llm_gateway.identity.keys import Pepper  # noqa: PLC0415 - see above
    from llm_gateway.identity.minting import mint  # noqa: PLC0415 - see above
    from llm_gateway.store import keys  # noqa: PLC0415 - see above
    from llm_gateway.store.rows import KeyRow  # noqa: PLC0415 - see above
    from llm_gateway.worker.pepper import load_peppers  # noqa: PLC0415 - see above

    if not 0 < len(name) <= 128 or not name.isprintable():
        output.fail("A name has 1 to 128 printable characters.", code=2)
    config = configured(output, path, overrides)
    with opened_store(output, config) as store:
        clock = SystemClock()
        pepper = Pepper(load_peppers(Path(config.state.dir))[0])
        new = mint("readonly" if readonly else "admin", pepper, Ids(clock.now).ulid)
        row = KeyRow(
            id=new.id,
            digest=new.digest,
            prefix=new.shown,
            name=name,
            kind=new.kind,
            tenant="",
            project="",
            document="{}",
            status="active",
            expires_at=None,
            created_at=int(clock.now() * 1000),
            created_by="command line",
        )
        store.write(lambda connection: keys.create(connection, row))
        shown: dict[str, Any] = {"id": row.id, "name": name, "kind": row.kind, "prefix": row.prefix}
        recorded(output, config, Event(action="key.created", actor="command line", resource=f"keys/{row.id}", after=shown))
    key = new.key.reveal()
    output.show({**shown, "key": key}, f"{key}\n\nIt is shown this once: keep it. Send it as Authorization: Bearer KEY.")

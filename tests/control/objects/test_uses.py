"""When keys were last used, on its way into the store."""

from __future__ import annotations

from pathlib import Path

from admin_support import admin_world, sync
from llm_gateway.store import keys
from llm_gateway.store.errors import StoreUnavailable


@sync
async def test_kept_while_the_store_is_away(tmp_path: Path):
    """What was told is written when it is back: last uses, and digests under a new pepper."""
    async with admin_world(tmp_path) as world:
        made = await world.key()
        write = world.storing.write

        async def away(_work):
            raise StoreUnavailable("away")

        world.storing.write = away
        world.uses.told(None, [[made["id"], "jwt:x"], {made["id"]: b"n" * 32}])
        await world.uses.write()
        assert world.logged[-1][0] == "uses_not_written"
        world.storing.write = write
        world.clock.advance(5)
        await world.uses.write()
        row = await world.storing.read(lambda connection: keys.get(connection, made["id"]))
        assert (row.last_used_at, row.digest, row.version) == (1_800_000_000_000, b"n" * 32, 1)
        assert world.uses.last(made["id"]) is None

"""What the store has, as the directory that workers are given."""

from __future__ import annotations

from pathlib import Path

from admin_support import admin_world, sync
from llm_gateway.store import keys, objects


@sync
async def test_nothing_in_the_store_is_no_directory(tmp_path: Path):
    """Workers then have what their configuration says, and no more."""
    async with admin_world(tmp_path) as world:
        assert world.blob is None
        made = await world.key()
        assert world.blob is not None
        await world.ask("DELETE", f"/admin/v1/keys/{made['id']}")
        await world.roster.look()
        assert world.blob is None


@sync
async def test_a_key_of_what_is_gone_is_left_out(tmp_path: Path):
    """One broken row must not keep all the others from the workers."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        lost, kept = await world.key(tenant="acme"), await world.key()
        await world.storing.write(lambda connection: objects.delete(connection, "tenant", "acme"))  # not over this API
        await world.roster.look()
        assert world.caller(lost["key"]) is None
        assert world.caller(kept["key"]) is not None
        assert ("key_ignored", {"key": lost["id"], "why": "its tenant or project is gone"}) in world.logged


@sync
async def test_a_document_that_cannot_be_read_changes_nothing(tmp_path: Path):
    """What the workers have goes on, and the log says why."""
    async with admin_world(tmp_path) as world:
        made = await world.key()
        await world.storing.write(lambda connection: keys.change_key(connection, made["id"], {"document": '{"models": 1}'}))
        world.roster.start()
        world.roster.soon()
        for _ in range(200):
            if any(event == "bug" for event, _ in world.logged):
                break
            await world.storing.read(lambda _connection: None)
        await world.roster.close()
        assert world.caller(made["key"]) is not None
        assert [fields["why"][:8] for event, fields in world.logged if event == "bug"] == ["Unusable"]


@sync
async def test_keys_that_change_are_put_into_what_there_is(tmp_path: Path):
    """A directory is made anew only where more than keys are another; workers know the same either way."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        first = await world.key(tenant="acme")
        built = world.roster._made.building
        second, third = await world.key(tenant="acme"), await world.key()
        await world.ask("POST", f"/admin/v1/keys/{first['id']}/revoke", {}, **{"If-Match": "*"})
        await world.roster.look()
        assert world.roster._made.building is built
        assert world.caller(first["key"]) is None
        assert world.caller(second["key"]).tenant == "acme"  # type: ignore[union-attr]
        assert world.caller(third["key"]) is not None
        assert world.roster.stored.keys == 2
        await world.storing.write(lambda connection: keys.redigest(connection, {third["id"]: b"d" * 32}))
        await world.roster.look()
        assert world.caller(third["key"]) is None
        await world.ask("POST", "/admin/v1/tenants", {"name": "other"})
        await world.roster.look()
        assert world.roster._made.building is not built

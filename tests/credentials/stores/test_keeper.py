"""Secrets that are kept, renewed and rotated while the gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from credentials.stores.support import run
from credentials.support import Lines, turns
from fakes.secret_stores import FakeVault, running
from llm_gateway.config.errors import Wrong
from llm_gateway.config.gather import Gathered, Reference
from llm_gateway.config.schema import Secrets
from llm_gateway.config.schema.secrets import VaultStore
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.stores.keeper import Keeper

ONE = Reference("vault", "secret/app#one")
TWO = Reference("vault", "secret/app#two")
OTHER = Reference("vault", "secret/other#key")


class World:
    def __init__(self, vault: FakeVault, timeout: float) -> None:
        self.vault = vault
        self.clock = FakeClock()
        self.log = Lines()
        self.keeper = Keeper(self.clock, self.log, lambda: 0.0)
        self.changes = 0
        self.said = Secrets(vault=VaultStore(address=vault.url, token=Secret("root-token")), timeout=Duration(timeout))
        vault.secrets = {"secret/data/app": {"one": "1", "two": "2"}, "secret/data/other": {"key": "3"}}

    def gathered(self, references: Sequence[Reference], **changed: Any) -> Gathered:
        return Gathered(tuple(references), self.said, **changed)

    def changed(self) -> None:
        self.changes += 1

    async def until(self, condition: Any) -> None:
        for _ in range(400):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError

    async def later(self, seconds: float) -> None:
        """Let time pass, and what is due be fetched."""
        before = len(self.vault.seen)
        self.clock.advance(seconds)
        self.keeper.wake()
        await self.until(lambda: len(self.vault.seen) > before)
        await asyncio.sleep(0.02)
        await turns()


@asynccontextmanager
async def world(limit: float = 5.0) -> AsyncIterator[World]:
    async with running(FakeVault()) as vault:
        made = World(vault, limit)
        try:
            yield made
        finally:
            await made.keeper.close()


def test_a_document_is_fetched_once_for_all_its_fields() -> None:
    """And not again while it is fresh, unless an operator asks for it."""

    async def main() -> None:
        async with world() as w:
            for fresh, reads in ((False, 2), (False, 2), (True, 4)):
                values = await w.keeper.fetch(w.gathered([ONE, TWO, OTHER]), {}, fresh=fresh)
                assert [values.resolve(one.kind, one.name) for one in (ONE, TWO, OTHER)] == ["1", "2", "3"]
                assert w.vault.asked_for("/data/") == reads
            w.clock.advance(301)
            await w.keeper.fetch(w.gathered([ONE]), {})
            assert w.vault.asked_for("/data/") == 5

    run(main())


def test_a_rotated_secret_is_noticed_without_a_restart() -> None:
    """The one who started the keeper is told, once; asking again gives the new value without another fetch."""

    async def main() -> None:
        async with world() as w:
            await w.keeper.fetch(w.gathered([ONE]), {})
            w.keeper.start(w.changed)
            w.vault.secrets["secret/data/app"] = {"one": "1", "two": "rotated, and not in use"}
            await w.later(301)
            assert w.changes == 0
            w.vault.secrets["secret/data/app"] = {"one": "rotated"}
            await w.later(301)
            assert w.changes == 1
            reads = w.vault.asked_for("/data/")
            assert (await w.keeper.fetch(w.gathered([ONE]), {})).resolve(ONE.kind, ONE.name) == "rotated"
            assert w.vault.asked_for("/data/") == reads
            assert "secrets_changed" in w.log.events()
            assert "rotated" not in repr(w.log.all)

    run(main())


def test_a_store_that_is_away_takes_nothing() -> None:
    """The last value stays, the log says so, and the store is asked again sooner than usual."""

    async def main() -> None:
        async with world() as w:
            await w.keeper.fetch(w.gathered([ONE]), {})
            w.keeper.start(w.changed)
            w.vault.down = True
            await w.later(301)
            assert (await w.keeper.fetch(w.gathered([ONE]), {})).resolve(ONE.kind, ONE.name) == "1"
            assert w.log.events() == ["secret_not_renewed"]
            w.vault.down = False
            w.vault.secrets["secret/data/app"]["one"] = "new"
            await w.later(6)
            assert (await w.keeper.fetch(w.gathered([ONE]), {})).resolve(ONE.kind, ONE.name) == "new"
            assert "secret_recovered" in w.log.events()
            assert w.changes == 1

    run(main())


def test_a_secret_that_was_deleted_stays_in_use() -> None:
    """Somebody's mistake in the store is no outage here."""

    async def main() -> None:
        async with world() as w:
            await w.keeper.fetch(w.gathered([ONE]), {})
            del w.vault.secrets["secret/data/app"]
            values = await w.keeper.fetch(w.gathered([ONE]), {}, fresh=True)
            assert values.resolve(ONE.kind, ONE.name) == "1"
            assert not values.failed

    run(main())


def test_what_was_never_there_fails() -> None:
    """With a reason, for each reference by itself."""

    async def main() -> None:
        async with world() as w:
            nothing = Reference("vault", "secret/nothing#key")
            bad = Reference("vault", "no-path")
            values = await w.keeper.fetch(w.gathered([bad, ONE, nothing]), {})
            assert values.resolve(ONE.kind, ONE.name) == "1"
            for reference, words in ((nothing, "no such secret"), (bad, "expected"), (OTHER, "not asked for")):
                with pytest.raises(Wrong, match=words):
                    values.resolve(reference.kind, reference.name)

    run(main())


def test_a_store_that_is_away_at_the_start_is_asked_again() -> None:
    """Whoever started the keeper is told when it came back: the configuration can be read then."""

    async def main() -> None:
        async with world() as w:
            w.vault.down = True
            w.keeper.start(w.changed)
            assert (await w.keeper.fetch(w.gathered([ONE]), {})).failed
            w.vault.down = False
            await w.later(6)
            assert w.changes == 1
            assert not (await w.keeper.fetch(w.gathered([ONE]), {})).failed

    run(main())


def test_a_slow_store_is_waited_for_only_so_long() -> None:
    """Its secrets fail together, not one after the other."""

    async def main() -> None:
        async with world(limit=0.1) as w:
            w.vault.delay = 0.5
            references = [Reference("vault", f"secret/s{index}#key") for index in range(200)]
            started = asyncio.get_running_loop().time()
            values = await w.keeper.fetch(w.gathered(references), {})
            assert asyncio.get_running_loop().time() - started < 10  # one after the other would take twenty
            assert len(values.failed) == 200
            assert set(values.failed.values()) == {"its store did not answer in time"}

    run(main())


def test_settings_that_fail_leave_the_former_ones_in_use() -> None:
    """A reload that names a store which is not there; what was there goes on being renewed."""

    async def main() -> None:
        async with world() as w:
            await w.keeper.fetch(w.gathered([ONE]), {})
            w.keeper.start(w.changed)
            wrong = Gathered((ONE,), Secrets(vault=VaultStore(address="http://127.0.0.1:1", token=Secret("root-token"))))
            assert (await w.keeper.fetch(wrong, {})).failed
            w.vault.secrets["secret/data/app"] = {"one": "rotated"}
            await w.later(301)
            assert w.changes == 1

    run(main())


def test_a_configuration_without_secrets_asks_nobody() -> None:
    """And what was renewed for the former one is not any more."""

    async def main() -> None:
        async with world() as w:
            await w.keeper.fetch(w.gathered([ONE]), {})
            await w.keeper.fetch(Gathered(), {})
            w.keeper.start(w.changed)
            before = len(w.vault.seen)
            w.clock.advance(1000)
            w.keeper.wake()
            await asyncio.sleep(0.03)
            assert len(w.vault.seen) == before

    run(main())

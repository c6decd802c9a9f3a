"""Sessions in the store."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

from control.signin.house import House, house
from llm_gateway.control.signin.sessions import MOST, Sessions
from llm_gateway.credentials.ring import Ring
from llm_gateway.identity.roles import Principal
from llm_gateway.store import people

ANN = Principal("oidc:1", "okta:ann", frozenset({"operator"}))


def run(folder: Path, test) -> None:
    async def main() -> None:
        async with house(folder) as made:
            await test(made)

    asyncio.run(main())


def test_a_copy_of_the_database_signs_nobody_in(tmp_path):
    """The row has a hash of what the cookie holds; a cookie that was signed with another key is none, whatever row there is."""

    async def test(made: House) -> None:
        opened = await made.sessions.open(ANN, "okta", local=False)
        token = opened.cookie.partition(".")[0]
        [row] = await made.threads.read(lambda connection: people.sessions_of(connection, ANN.id))
        assert row.id == sha256(token.encode()).digest()
        assert token not in row.document
        assert await made.sessions.of(row.id.hex()) is None
        assert await made.sessions.of(token) is None
        assert await made.sessions.of(token + "." + "A" * 43) is None
        stranger = Sessions(made.threads, Ring([b"x" * 32]), made.clock, lambda: made.config.auth.admin.session)
        assert await stranger.of(opened.cookie) is None
        assert (await made.sessions.of(opened.cookie)).principal == ANN

    run(tmp_path, test)


def test_sessions_outlive_a_new_master_key(tmp_path):
    """Cookies that were signed with a key that is still in the ring count, and keep their CSRF token."""

    async def test(made: House) -> None:
        opened = await made.sessions.open(ANN, "okta", local=False)
        rotated = Sessions(made.threads, Ring([b"n" * 32, bytes(32)]), made.clock, lambda: made.config.auth.admin.session)
        found = await rotated.of(opened.cookie)
        assert found.csrf == opened.session.csrf

    run(tmp_path, test)


def test_a_person_has_so_many_sessions_at_most(tmp_path):
    """One more ends the oldest; those that expired are removed with it."""

    async def test(made: House) -> None:
        first = await made.sessions.open(ANN, "okta", local=False)
        for _ in range(MOST):
            made.clock.advance(1)
            last = await made.sessions.open(ANN, "okta", local=False)
        assert await made.sessions.of(first.cookie) is None
        assert await made.sessions.of(last.cookie) is not None
        assert len(await made.sessions.all_of(ANN.id)) == MOST
        made.clock.advance(100_000)
        await made.sessions.open(ANN, "okta", local=False)
        assert len(await made.threads.read(lambda connection: people.sessions_of(connection, ANN.id))) == 1

    run(tmp_path, test)


def test_all_of_somebodys_sessions_can_be_ended(tmp_path):
    """Also of who is known by an identity provider alone."""

    async def test(made: House) -> None:
        opened = [await made.sessions.open(ANN, "okta", local=False) for _ in range(3)]
        assert await made.sessions.close_all(ANN.id) == 3
        assert [await made.sessions.of(one.cookie) for one in opened] == [None] * 3

    run(tmp_path, test)

"""Passwords and logins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher

from llm_gateway.control.signin.passwords import Passwords, login_of, unfit, usable_login
from llm_gateway.core.errors import Overloaded

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Counting(PasswordHasher):
    """Counts how often somebody's password was really looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checks: list[str] = []

    def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002 - its name there
        self.checks.append(str(hash))
        return super().verify(hash, password)


def run(test: Any, passwords: Passwords) -> None:
    async def main() -> None:
        try:
            await test(passwords)
        finally:
            passwords.close()

    asyncio.run(main())


def test_only_the_password_matches():
    """However its letters were typed; what is kept is argon2id with a salt of its own, and nothing that was damaged matches."""

    async def test(passwords: Passwords) -> None:
        kept = await passwords.keep("Café au lait")
        assert kept.startswith("$argon2id$")
        assert kept != await passwords.keep("Café au lait")
        assert await passwords.matches(kept, "Cafe\u0301 au lait")
        assert not await passwords.matches(kept, "cafe au lait")
        assert not await passwords.matches("$argon2id$broken", "Café au lait")
        assert not await passwords.matches("", "")

    run(test, Passwords(CHEAP))


def test_nobody_takes_as_long_as_somebody():
    """An unknown login costs one whole check, with the same parameters; also one whose password would be `nobody`."""
    hasher = Counting()

    async def test(passwords: Passwords) -> None:
        assert not await passwords.matches(None, "nobody")
        kept = await passwords.keep("somebody's password")
        assert not await passwords.matches(kept, "x")
        assert len(hasher.checks) == 2
        assert hasher.checks[0].rsplit("$", 2)[0] == hasher.checks[1].rsplit("$", 2)[0]

    run(test, Passwords(hasher))


def test_few_wait_and_the_rest_is_told():
    """What cannot be looked at soon is answered 503 at once: guesses by the thousand do not take the process's time."""

    async def test(passwords: Passwords) -> None:
        checks = [passwords.matches(None, "x") for _ in range(10)]
        results = await asyncio.gather(*checks, return_exceptions=True)
        assert sum(isinstance(one, Overloaded) for one in results) == 6

    run(test, Passwords(CHEAP, most_waiting=4))


def test_what_was_kept_in_an_easier_way_is_old():
    """So that it is made anew when the password is there; what is no hash is old, too."""
    passwords = Passwords()
    assert passwords.old(CHEAP.hash("x"))
    assert passwords.old("x")
    assert not passwords.old(PasswordHasher().hash("x"))
    passwords.close()


@pytest.mark.parametrize(
    ("password", "fit"),
    [
        ("correct horse battery", True),
        ("short", False),
        ("a" * 40, False),
        ("abababababab", False),
        ("x" * 300 + "abcdef", False),
        ("Ann@Acme.Example", False),
    ],
)
def test_a_password_is_long_and_no_login(password, fit):
    """Twelve characters or more, of several kinds, and not the login."""
    assert (unfit(password, "ann@acme.example") == "") is fit


def test_a_login_has_one_form():
    """Case, width and blanks around it make no other person; what cannot be seen is in none."""
    assert login_of(" Ａnn@ACME.example\t") == "ann@acme.example"
    assert usable_login("ann@acme.example")
    for wrong in ("", "Ann", "a b", "a\0b", "a\u200bb", "a" * 129):
        assert not usable_login(wrong), wrong

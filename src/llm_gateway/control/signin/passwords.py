"""Passwords: argon2id (RFC 9106), in threads of their own, few at once.

One check takes 64 MiB and tens of milliseconds: that is the point of it, and why only so many run or wait at a time.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from llm_gateway.core.errors import Overloaded

SHORTEST = 12
LONGEST = 256
"""Characters."""
AT_ONCE = 2
MOST_WAITING = 64

Result = TypeVar("Result")


class Passwords:
    """One per control process. Whether somebody is known here cannot be told from how long an answer takes."""

    def __init__(self, hasher: PasswordHasher | None = None, most_waiting: int = MOST_WAITING) -> None:
        self._hasher = hasher or PasswordHasher()
        self._most = most_waiting
        self._waiting = 0
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")
        self._nobodys: str | None = None

    async def matches(self, kept: str | None, given: str) -> bool:
        """Whether `kept` was made from `given`. None: there is nobody; that takes as long. Raises Overloaded."""
        return await self._run(lambda: self._check(kept, given))

    async def keep(self, given: str) -> str:
        """What is kept of a password. Raises Overloaded."""
        return await self._run(lambda: self.kept(given))

    def kept(self, given: str) -> str:
        """The same at once; takes a while."""
        return self._hasher.hash(_bytes(given))

    def old(self, kept: str) -> bool:
        """Whether it should be made anew when the password is there next time: it costs an attacker less than it should."""
        try:
            return self._hasher.check_needs_rehash(kept)
        except InvalidHashError:
            return True

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _check(self, kept: str | None, given: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash("nobody")
        try:
            self._hasher.verify(self._nobodys if kept is None else kept, _bytes(given))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= self._most:
            raise Overloaded("Too many people sign in at the moment.", code="overloaded", retry_after=1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def unfit(password: str, login: str) -> str:
    """What is wrong with a new password; empty: nothing."""
    if len(password) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"has more than {LONGEST} characters"
    if login_of(password) == login_of(login) or len(set(password)) < 4:
        return "is too easy to guess"
    return ""


def login_of(text: str) -> str:
    """A login as it is kept and looked for: in one form of its letters, without case and blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def usable_login(login: str) -> bool:
    """Whether somebody can have it."""
    return 0 < len(login) <= 128 and login.isprintable() and login == login_of(login) and not any(map(str.isspace, login))


def _bytes(password: str) -> bytes:
    """The same for all ways to type the same letters."""
    return unicodedata.normalize("NFC", password)[:LONGEST].encode("utf-8", "surrogatepass")

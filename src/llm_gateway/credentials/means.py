"""What every source of credentials works with: HTTP, files, the clock, randomness, and the environment it was handed."""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llm_gateway.core.clock import Clock
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.refreshing import Unavailable

LARGEST_FILE = 1 << 20
"""Bytes. Configuration files of clouds collect hundreds of profiles."""


@dataclass(frozen=True)
class Variables:
    """The environment, as it was handed to the gateway."""

    environ: Mapping[str, str] = field(repr=False)

    def variable(self, name: str) -> str:
        """An environment variable without white space around it; "" if it is not set."""
        return self.environ.get(name, "").strip()

    def home(self, *parts: str) -> str:
        """A path in the home directory; "" if there is none."""
        home = self.variable("HOME")
        return str(Path(home, *parts)) if home else ""


@dataclass(frozen=True)
class Means(Variables):
    """Handed to every source."""

    http: Http
    clock: Clock
    token: Callable[[], str] = secrets.token_hex
    """A text that nobody can guess, for an assertion's id."""


async def read_file(path: str, what: str) -> bytes:
    """A file's content, read off the loop. Raises Unavailable; `what` stands for it in the text."""
    return await asyncio.to_thread(read_now, path, what)


async def read_secret(path: str, what: str) -> str:
    """The text of a file with one token in it, without white space around it. Raises Unavailable."""
    text = (await read_file(path, what)).decode("ascii", "replace").strip()
    if not text or not text.isprintable() or not text.isascii():
        raise Unavailable(f"{what} does not hold a token")
    return text


def read_now(path: str, what: str) -> bytes:
    """As read_file, waiting for the disk: for when a configuration is loaded."""
    try:
        file = Path(path)
        if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe would wait
            raise Unavailable(f"{what} is not a regular file")
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise Unavailable(f"{what} cannot be read: {reason}") from None
    if len(data) > LARGEST_FILE:
        raise Unavailable(f"{what} is larger than {LARGEST_FILE} bytes")
    return data

"""`credential_process` of a profile: a command that prints keys as JSON (SDKs reference guide, "Process credential provider").

It runs without a shell, in a session of its own, bounded in time and output. Whoever may write the AWS configuration may name it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal

import msgspec

from llm_gateway.core.within import within
from llm_gateway.credentials.aws.keys import KeysAnswer, Source
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

WHAT = "the profile's credential_process"
SECONDS = 15.0
_LARGEST = 64 << 10


class _Version(msgspec.Struct, frozen=True, rename="pascal"):
    version: int


def from_process(means: Means, command: str, seconds: float = SECONDS) -> Source:
    """Runs the command for each fetch."""

    async def source() -> Fetched[Credentials]:
        try:
            words = shlex.split(command)
        except ValueError:
            raise Unavailable(f"{WHAT} cannot be read: a quote is not closed") from None
        try:
            out = await within(_run(words, means), seconds)
        except TimeoutError:
            raise Unavailable(f"{WHAT} took longer than {seconds:g} s") from None
        try:
            if msgspec.json.decode(out, type=_Version).version != 1:
                raise Unavailable(f"{WHAT} printed another version than 1")
            return msgspec.json.decode(out, type=KeysAnswer).fetched(WHAT, means.clock.now())
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unavailable(f"{WHAT} did not print the expected JSON") from None

    return source


async def _run(words: list[str], means: Means) -> bytes:
    if not words:
        raise Unavailable(f"{WHAT} is empty")
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it may say anything, secrets included
            start_new_session=True,
            env=dict(means.environ),
        )
    except (OSError, ValueError):
        raise Unavailable(f"{WHAT} cannot be started") from None
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        out = b""
        while data := await process.stdout.read(_LARGEST):
            out += data
            if len(out) > _LARGEST:
                raise Unavailable(f"{WHAT} printed too much")
        status = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it started
            await process.wait()
    if status != 0:
        raise Unavailable(f"{WHAT} ended with status {status}")
    return out

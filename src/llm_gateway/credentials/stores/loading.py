"""Reading a configuration whose secrets lie elsewhere: what they are is found out, they are fetched, then it is read for good."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.gather import Gathered, gather
from llm_gateway.config.interpolate import Resolve, StandIn, Unfetched
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.stores.keeper import Keeper
from llm_gateway.credentials.stores.names import asked

Result = TypeVar("Result")
Read = Callable[[Resolve], Result]
"""Reads the configuration with the values it is handed; raises ConfigErrors."""


class SecretsAway(ConfigErrors):
    """The configuration cannot be used, and at least one of its secrets could not be fetched: another try may succeed."""


async def load_with_secrets(
    path: str | os.PathLike[str] | None,
    overrides: Sequence[str],
    environ: Mapping[str, str],
    *,
    keeper: Keeper,
    read: Read[Result],
    fresh: bool = False,
) -> Result:
    """What `read` makes of the configuration, its secrets filled in; stores are asked only if there are any.

    `fresh`: fetch even what is in memory and still good. Raises ConfigErrors, SecretsAway where a store is to blame.
    """
    wire = _Tripwire()
    if (result := wire.read(read)) is not None:
        await keeper.fetch(Gathered(), environ)
        known: Result = result.value
        return known
    gathered = gather(path, overrides=overrides, environ=environ)
    values = await keeper.fetch(gathered, environ, fresh=fresh)
    try:
        return read(values.resolve)
    except ConfigErrors as errors:
        if values.failed:
            raise SecretsAway(errors.problems, errors.more) from None
        raise


def load_now(
    path: str | os.PathLike[str] | None,
    overrides: Sequence[str],
    environ: Mapping[str, str],
    *,
    clock: Clock,
    read: Read[Result],
) -> Result:
    """As load_with_secrets, for commands: waits until everything is there, and keeps nothing."""
    if (result := _Tripwire().read(read)) is not None:
        known: Result = result.value
        return known

    async def once() -> Result:
        keeper = Keeper(clock)
        try:
            return await load_with_secrets(path, overrides, environ, keeper=keeper, read=read)
        finally:
            await keeper.close()

    with ThreadPoolExecutor(1) as thread:  # there may be a loop in this one
        return thread.submit(asyncio.run, once()).result()


class _Known(NamedTuple):
    value: Any


class _Tripwire:
    """Most configurations ask no store: reading one tells, and need not be done again."""

    def __init__(self) -> None:
        self._touched = False

    def read(self, read: Read[Result]) -> _Known | None:
        """What `read` gives, unless it needs a store: then None. Raises what `read` does."""
        try:
            made = read(self._resolve)
        except ConfigErrors:
            if not self._touched:
                raise
            return None
        return None if self._touched else _Known(made)

    def _resolve(self, kind: str, name: str) -> str:  # noqa: ARG002 - a Resolve
        self._touched = True
        raise Unfetched


def offline(kind: str, name: str) -> str:
    """A `resolve` that fetches nothing: the reference is checked, and a value stands in for the secret. Raises Wrong."""
    asked(kind, name)
    return StandIn(f"not-fetched-{kind}-{''.join(c if c.isalnum() else '-' for c in name)}")

"""Who may call, from the configuration and from what control built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.auth import ANONYMOUS
from llm_gateway.config.schema.limits import TIERS
from llm_gateway.core.caller import Caller
from llm_gateway.identity.building import build
from llm_gateway.identity.directory import Directory
from llm_gateway.identity.keys import KeyTable, Pepper
from llm_gateway.identity.rights import Tiers
from llm_gateway.identity.rows import Grant, Key, User, keys_of
from llm_gateway.identity.table import Unusable
from llm_gateway.snapshot.upstreams import NotServable


def built(config: Config, pepper: bytes, keys: Iterable[Key] = (), users: Iterable[User] = ()) -> bytes:
    """The directory of the configuration's tenants and keys, and of others beside them. Raises Unusable."""
    own = keys_of(config.auth.keys, Pepper(pepper).digest)
    return build(config.tenants, chain(own, keys), users)


def directory_of(config: Config, peppers: Sequence[bytes], blob: bytes | None) -> Directory:
    """What stands in the configuration, all of which is read at once; and `blob`, what the store has beside it, which is not.
    Raises NotServable.
    """
    try:
        directory = Directory(built(config, peppers[0]), _tiers(config))
        if blob is not None:
            directory.join(Directory(blob, _tiers(config)))
        directory.check()
        for name, tenant in config.tenants.items():
            for user in tenant.end_users:
                directory.user(name, user)
    except Unusable as error:
        raise NotServable(str(error)) from None
    return directory


def table_of(
    config: Config, peppers: Sequence[bytes], directory: Directory, before: KeyTable | None, *, waiting: bool = False
) -> KeyTable:
    """`waiting`: the store's keys were never read, so that nobody can say that there are none. Raises NotServable."""
    # Whoever takes the last key away wants nobody in, not everybody.
    closed = waiting or len(directory) > 0 or (before is not None and before.anonymous is None)
    needed = config.auth.needed or (config.auth.required is None and closed)
    anonymous = None if needed else _anonymous(directory)
    uses, revoked = (None, ()) if before is None else (before.uses, before.revoked)
    table = KeyTable([Pepper(pepper) for pepper in peppers], directory, anonymous, uses, revoked)
    table.waiting = waiting
    return table


def _anonymous(directory: Directory) -> Caller:
    """Who calls without a key belongs to the default tenant, too."""
    try:
        rights = directory.rights(Grant(kind="anonymous", passthrough=("*",)))
    except Unusable as error:
        raise NotServable(f"tenants: {error}") from None
    return rights.caller(ANONYMOUS, ANONYMOUS, users=directory.users)


def _tiers(config: Config) -> Tiers:
    return {**TIERS, **config.limits.tiers}

"""What a directory is made from: rows of keys and end users, from the file or from the store, beside the tenants' sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar

import msgspec

from llm_gateway.config.schema import ApiKey
from llm_gateway.config.schema.limits import Allowance, Budget, Rate
from llm_gateway.config.schema.tenants import EndUser
from llm_gateway.config.values import Money, Secret
from llm_gateway.core.caller import Kind

UNLIMITED = Allowance()
Brief = list[int | list[int | None] | None]
_V = TypeVar("_V")
_RATE = Rate.__struct_fields__


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a key or a token may do by itself, besides what its project and its tenant allow. Fields are those of auth.keys[]."""

    kind: Kind = "gateway"
    scopes: tuple[str, ...] | None = None
    roles: tuple[str, ...] = ()
    """For the admin API; none: those that its kind has (identity.roles)."""
    models: tuple[str, ...] = ("*",)
    passthrough: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    regions: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    routing_hints: bool = True
    metadata_in_body: bool = False
    on_loss: Literal["drop", "refuse"] | None = None
    require_signature: bool = False
    default_model: str | None = None
    tier: str | None = None
    limits: Allowance = UNLIMITED
    budgets: tuple[Budget, ...] = ()
    users: Allowance = UNLIMITED
    user_budgets: tuple[Budget, ...] = ()


class Key(msgspec.Struct, frozen=True):
    """One key. The same for those of the file and those of the API."""

    id: str
    digest: bytes
    """32 bytes: the key under a pepper."""
    name: str
    tenant: str = ""
    project: str = ""
    grant: Grant = Grant()
    expires: float | None = None
    """Unix seconds."""
    owner: str | None = None
    """Id of the first key of those that followed each other by rotation; None: its own."""
    origin: str = ""
    """Where it is defined, for errors; "": its id says it."""


class User(msgspec.Struct, frozen=True):
    """One end user about whom there is something to say."""

    tenant: str
    name: str
    document: EndUser


def keys_of(keys: Iterable[ApiKey], digest: Callable[[bytes], bytes]) -> Iterator[Key]:
    """The file's keys that are not disabled. `digest`: under the current pepper."""
    for place, key in enumerate(keys):
        if key.disabled:
            continue
        yield Key(
            key.name,
            digest(key.key.reveal().encode()) if key.key else bytes.fromhex(key.key_hash or ""),
            key.name,
            key.tenant,
            key.project,
            grant_of(key),
            key.expires.timestamp() if key.expires else None,
            origin=f"auth.keys[{place}]",
        )


def grant_of(key: ApiKey) -> Grant:
    return Grant(
        kind=key.kind,
        scopes=key.scopes,
        models=key.models,
        passthrough=key.passthrough,
        tags=key.tags,
        regions=key.regions,
        providers=key.providers,
        routing_hints=key.routing_hints,
        metadata_in_body=key.metadata_in_body,
        on_loss=key.on_loss,
        require_signature=key.require_signature,
        default_model=key.default_model,
        tier=key.tier,
        limits=key.limits,
        budgets=key.budgets,
        users=key.users,
        user_budgets=key.user_budgets,
    )


def brief(allowance: Allowance) -> Brief:
    """As it stands in a directory: values without names, and without what is not said at the end."""
    if allowance is UNLIMITED:
        return []
    values = (getattr(allowance, name) for name in Allowance.__struct_fields__)
    return _trimmed([_trimmed([getattr(one, name) for name in _RATE]) if isinstance(one, Rate) else one for one in values])


def full(said: Brief) -> Allowance:
    """The way back. Raises ValueError for what `brief` cannot have written."""
    if len(said) > len(Allowance.__struct_fields__) or any(isinstance(one, list) and len(one) > len(_RATE) for one in said):
        raise ValueError("no limits")
    return Allowance(*(Rate(*one) if isinstance(one, list) else one for one in said))  # type: ignore[arg-type]  # by its place


def _trimmed(values: list[_V]) -> list[_V]:
    while values and values[-1] is None:
        values.pop()
    return values


def written(value: Any) -> Any:
    """For msgspec's enc_hook: how values of the configuration stand in a directory. Secrets stand there in the clear, which is
    why a directory is itself a secret.
    """
    if isinstance(value, Money):
        return int(value)
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a directory has no place for {type(value).__name__}")


def read(kind: type, value: Any) -> Any:
    """For msgspec's dec_hook: the way back."""
    if kind is Money and type(value) is int:
        return Money(value)
    if kind is Secret and type(value) is str:
        return Secret(value)
    raise ValueError(f"no {kind.__name__}")

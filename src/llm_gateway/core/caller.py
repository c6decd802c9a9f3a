"""Who asks: what a key or a token, once recognised, allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import Any, Literal, NamedTuple, Protocol

from llm_gateway.core.scopes import DATA

Kind = Literal["gateway", "admin", "readonly", "jwt", "mtls", "anonymous"]


class Spending(NamedTuple):
    """What one of those that a request belongs to may use. Of several all hold."""

    scope: str
    """key, project, tenant; user: each of its end users, whose own name is put behind `name` and a colon."""
    name: str
    """A key's owner, `tenant`, `tenant/project`."""
    limits: Any
    """config.schema.limits.Allowance, its tier's limits in it."""
    budgets: tuple[Any, ...]
    """config.schema.limits.Budget."""


class EndUser(NamedTuple):
    """What is known of one end user of a tenant. Its own limits and budgets stand in the place of those for each end user."""

    blocked: bool
    limits: Any
    """Allowance; None: as for everyone."""
    budgets: tuple[Any, ...] | None
    """None: as for everyone."""
    unlimited: Any
    """An Allowance that limits nothing."""


class Users(Protocol):
    """The end users that something is known of."""

    def user(self, tenant: str, name: str) -> EndUser | None: ...


class Names:
    """A set of names, some of them patterns. Immutable."""

    __slots__ = ("_exact", "_pattern", "everything")

    def __init__(self, names: Iterable[str]) -> None:
        """Names and globs (`openai/*`); a plain `*` is everything."""
        given = frozenset(names)
        globs = sorted(name for name in given if any(c in name for c in "*?["))
        self.everything = "*" in given
        self._exact = given
        self._pattern = re.compile("|".join(map(translate, globs))) if globs else None

    def allows(self, name: str) -> bool:
        return self.everything or name in self._exact or (self._pattern is not None and self._pattern.match(name) is not None)


class Caller:
    """Someone's identity and rights. What it says never changes; shared by all its requests."""

    key_name: str
    """What people call it; not unique."""
    key_id: str
    owner: str
    """Under which id things are kept and counted: a key that was rotated owns what the key before it did."""
    disabled: str
    """The tenant or project that is disabled; "": none is. Who has any is refused."""
    passthrough: frozenset[str]
    """Providers whose own paths it may use; "*": all."""
    user: str
    """The end user, where a token names one: what the request says is not asked then. "": see the request."""
    default_model: str | None
    """What it gets for the model `default`; None: nothing special."""
    user_limits: tuple[Spending, ...]
    """Of each of its end users."""
    users: Users | None
    """Where its end users are looked up; None: nothing is known of any."""
    accounts: Mapping[str, str] | None
    """The tenant's own keys by provider; None: it has none."""
    meters: Any
    """Room for what limits make of `spending`, once; None: nothing yet."""
    noted: int
    """In which period its use was noted last (identity.uses)."""

    __slots__ = (
        "_models",
        "accounts",
        "all_models",
        "default_model",
        "disabled",
        "expires",
        "hints",
        "key_id",
        "key_name",
        "kind",
        "metadata_in_body",
        "meters",
        "noted",
        "owner",
        "passthrough",
        "project",
        "providers",
        "regions",
        "require_signature",
        "roles",
        "scopes",
        "spending",
        "strict",
        "tags",
        "tenant",
        "user",
        "user_limits",
        "users",
    )

    def __init__(  # noqa: PLR0913 - what a key may do, each by name
        self,
        key_name: str,
        models: Iterable[str] | Iterable[Names] = ("*",),
        *,
        key_id: str | None = None,
        owner: str | None = None,
        kind: Kind = "gateway",
        scopes: frozenset[str] = DATA,
        roles: frozenset[str] = frozenset(),
        expires: float | None = None,
        disabled: str = "",
        require_signature: bool = False,
        metadata_in_body: bool = False,
        strict: bool | None = None,
        passthrough: Iterable[str] = (),
        tenant: str = "",
        project: str = "",
        user: str = "",
        tags: Iterable[str] = (),
        regions: Iterable[str] | None = None,
        providers: Iterable[str] | None = None,
        hints: bool = True,
        default_model: str | None = None,
        spending: tuple[Spending, ...] = (),
        user_limits: tuple[Spending, ...] = (),
        users: Users | None = None,
        accounts: Mapping[str, str] | None = None,
    ) -> None:
        """`models`: names and globs (`openai/*`), or several sets of them, all of which must allow a name; `expires`: Unix
        seconds; `strict`: refuse lossy translation (None: default). `regions`, `providers`: where its requests may be served
        (None: anywhere); `hints`: whether it may steer routing.
        """
        self.key_name = key_name
        self.key_id = key_name if key_id is None else key_id
        self.owner = self.key_id if owner is None else owner
        self.kind, self.scopes, self.roles = kind, scopes, roles
        self.expires, self.disabled = expires, disabled
        self.require_signature = require_signature
        self.metadata_in_body = metadata_in_body
        self.strict, self.hints = strict, hints
        self.tenant, self.project, self.user = tenant, project, user
        self.passthrough = frozenset(passthrough)
        self.tags = frozenset(tags)
        self.regions = None if regions is None else frozenset(regions)
        self.providers = None if providers is None else frozenset(providers)
        self.default_model = default_model
        self.spending, self.user_limits = spending, user_limits
        self.users, self.accounts = users, accounts
        self.meters, self.noted = None, 0
        self._models = _sets(models)
        self.all_models = all(names.everything for names in self._models)

    def allows(self, model: str) -> bool:
        """Whether this key may ask for `model`, an alias or a provider/model name."""
        if self.all_models:
            return True
        for names in self._models:  # noqa: SIM110 - a generator would cost more than the whole look
            if not names.allows(model):
                return False
        return True


def _sets(models: Iterable[str] | Iterable[Names]) -> tuple[Names, ...]:
    given = tuple(models)
    sets = tuple(names for names in given if isinstance(names, Names))
    return sets or (Names(name for name in given if isinstance(name, str)),)

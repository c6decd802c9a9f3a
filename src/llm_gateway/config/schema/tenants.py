"""`tenants`: organisations with their projects, as the file defines them and as the admin API is sent them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from llm_gateway.config.schema.base import Section, Text, about
from llm_gateway.config.schema.limits import Allowance, Budget
from llm_gateway.config.values import Secret

DEFAULT = "default"
"""The tenant of keys that name none, where there are tenants."""
Names = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Scope(Section, frozen=True):
    """What a tenant and a project have in common. A child never has more than its parent: what both say must both hold."""

    disabled: Annotated[bool, about("Whether everything of it is refused.")] = False
    tags: Annotated[tuple[Text, ...], about("Words that rules and usage reports can tell it by; its keys have them too.")] = ()
    models: Annotated[Names | None, about("What may be asked for: aliases, provider/model, patterns; absent: anything.")] = None
    providers: Annotated[Names | None, about("Served by these providers only; absent: by any.")] = None
    regions: Annotated[Names | None, about("Served in these regions only (providers.*.region); absent: anywhere.")] = None
    default_model: Annotated[Text | None, about("What a request gets that names the model `default`.")] = None
    tier: Annotated[Text | None, about("Its limits by name (limits.tiers).")] = None
    limits: Annotated[Allowance, about("Limits of all its requests together.")] = Allowance()
    budgets: Annotated[tuple[Budget, ...], about("Money for all its requests together; all of them hold.")] = ()
    users: Annotated[Allowance, about("Limits of each of its end users.")] = Allowance()
    user_budgets: Annotated[tuple[Budget, ...], about("Money for each of its end users.")] = ()


class Project(Scope, frozen=True):
    """A part of a tenant."""


class EndUser(Section, frozen=True):
    """One of a tenant's end users, by the name that requests give."""

    blocked: Annotated[bool, about("Whether all of its requests are refused.")] = False
    limits: Annotated[
        Allowance | None, about("Its own limits, in the place of `users` of the tenant, the project and the key; absent: those.")
    ] = None
    budgets: Annotated[tuple[Budget, ...] | None, about("The same for money; absent: `user_budgets` of those.")] = None


class Tenant(Scope, frozen=True):
    """An organisation."""

    end_users: Annotated[dict[str, EndUser], about("Those of its end users about whom there is something to say.")] = (
        msgspec.field(default_factory=dict)
    )
    provider_keys: Annotated[
        dict[str, Secret],
        about("API keys of its own by provider: its requests go out with them, at its own expense."),
    ] = msgspec.field(default_factory=dict)
    projects: Annotated[dict[str, Project], about("Its projects.")] = msgspec.field(default_factory=dict)

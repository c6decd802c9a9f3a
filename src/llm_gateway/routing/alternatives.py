"""What else a caller could ask for when nobody can answer: other aliases that are open to its key, and well."""

from __future__ import annotations

from llm_gateway.core.caller import Caller
from llm_gateway.routing.router import Router

MOST = 5


def alternatives(router: Router, caller: Caller | None, name: str, now: float) -> list[str]:
    """At most MOST aliases, in the order of the configuration, that share no deployment with `name` which is shut now."""
    found: list[str] = []
    for alias, route in router.routes.items():
        if alias == name or (caller is not None and not caller.allows(alias)):
            continue
        if any(max(one.standing.until, one.account.until) <= now for one in route.everyone):
            found.append(alias)
            if len(found) == MOST:
                break
    return found

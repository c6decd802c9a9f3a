"""Candidates that share accounts, for tests of the bulkheads."""

from __future__ import annotations

from dataclasses import replace

from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.standing import Standing
from routed import candidate


def limited(limit: int, *, account: int = 0, name: str = "a") -> Candidate:
    """One that may have `limit` requests at once; its account is its own and may have `account` (0: any number)."""
    made = candidate(name)
    made.standing.limit, made.account.limit = limit, account
    return made


def siblings(*limits: int, account: int = 0) -> list[Candidate]:
    """Deployments of one account."""
    shared = Standing("shared", limit=account)
    made = [replace(candidate("shared", f"m{index}"), account=shared) for index in range(len(limits))]
    for one, limit in zip(made, limits, strict=True):
        one.standing.limit = limit
    return made

"""The table of /admin/v1/keys."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Protocol

from llm_gateway.control.api.route import Handler, Many, Patched, Route, Together
from llm_gateway.control.objects.key_shapes import (
    ChangedKey,
    KeyQuery,
    KeyRights,
    KeyShown,
    Made,
    MadeApiKey,
    NewApiKey,
    NewKey,
    Rotation,
)

ALL, ONE = "/admin/v1/keys", "/admin/v1/keys/{key}"
KEY_SHOWN = Together("Key", (KeyShown, KeyRights))
KEY_MADE = Together("NewKeyMade", (Made, KeyShown, KeyRights))
_EXAMPLE = MappingProxyType({"name": "web", "models": ["*"], "budgets": [{"amount": "20", "period": "month"}]})
_FOR_EVER = "For ever, and within a second."
_ORDER = "Those of the file first, then by created_at (or -created_at)."
_ROTATES = "A new one with the same rights, limits and what is spent of them; the old one ends after the overlap."


class Handlers(Protocol):
    """keys.Keys."""

    @property
    def list(self) -> Handler: ...

    @property
    def create(self) -> Handler: ...

    @property
    def show(self) -> Handler: ...

    @property
    def change(self) -> Handler: ...

    @property
    def delete(self) -> Handler: ...

    @property
    def rotate(self) -> Handler: ...

    @property
    def revoke(self) -> Handler: ...

    @property
    def create_alias(self) -> Handler: ...


def key_routes(do: Handlers) -> tuple[Route, ...]:
    """All of them."""
    route, read, write = partial(Route, tag="keys"), "keys:read", "keys:write"
    example, off = {"name": "web", "rate_limit_tier": "pro"}, {"disabled": True}
    return (
        route("GET", ALL, read, "List keys", do.list, query=KeyQuery, answer=Many(KEY_SHOWN), about=_ORDER),
        _making(do.create),
        route("GET", ONE, read, "Show a key", do.show, answer=KEY_SHOWN),
        route("PATCH", ONE, write, "Change a key", do.change, body=Patched(ChangedKey), answer=KEY_SHOWN, example=off),
        route("DELETE", ONE, write, "Revoke a key", do.delete, status=204, about=f"{_FOR_EVER} What it was is kept."),
        _rotating(do.rotate),
        route("POST", f"{ONE}/revoke", write, "Revoke a key", do.revoke, answer=KEY_SHOWN, about=_FOR_EVER),
        Route(
            "POST",
            "/admin/api-keys",
            write,
            "Make a key",
            do.create_alias,
            body=NewApiKey,
            answer=MadeApiKey,
            status=201,
            tag="keys",
            example=example,
        ),
    )


def _making(handler: Handler) -> Route:
    text, example = "Make a key, and show it once", dict(_EXAMPLE)
    return Route("POST", ALL, "keys:write", text, handler, body=NewKey, answer=KEY_MADE, status=201, tag="keys", example=example)


def _rotating(handler: Handler) -> Route:
    return Route(
        "POST",
        f"{ONE}/rotate",
        "keys:write",
        "Replace a key",
        handler,
        body=Rotation,
        answer=KEY_MADE,
        status=201,
        tag="keys",
        about=_ROTATES,
        example={"overlap": "24h"},
    )

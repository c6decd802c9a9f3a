"""`auth`: who may call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.schema.base import Digest, Fault, Section, Text, about
from llm_gateway.config.values import Secret

SHORTEST_KEY = 16
ANONYMOUS = "anonymous"
"""Who calls without a key, where none is needed."""
_Some = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class ApiKey(Section, frozen=True):
    """A key that callers present."""

    name: Annotated[str, about("What the key is called in logs; unique.", min_length=1, max_length=128)]
    key: Annotated[Secret | None, about(f"The key itself, {SHORTEST_KEY} characters or more.")] = None
    key_hash: Annotated[
        Digest | None,
        about(
            "Instead of key: what is kept of it, 64 hexadecimal digits.",
            hint="64 hexadecimal digits; a plain key goes into key",
        ),
    ] = None
    models: Annotated[tuple[Text, ...], about('What it may use: aliases, provider/model, and patterns such as "openai/*".')] = (
        "*",
    )
    passthrough: Annotated[
        tuple[Text, ...],
        about('Providers whose passthrough paths it may use; "*": all that have any. Its models hold there, too.'),
    ] = ()
    tenant: Annotated[str, about("Whose key it is; rules can tell tenants apart.", max_length=128)] = ""
    project: Annotated[str, about("The tenant's project that it belongs to.", max_length=128)] = ""
    tags: Annotated[tuple[Text, ...], about("Words that rules can tell keys apart by.")] = ()
    regions: Annotated[
        _Some | None,
        about("Its requests are served by providers in these regions only (providers.*.region); absent: anywhere."),
    ] = None
    providers: Annotated[_Some | None, about("Its requests are served by these providers only; absent: by any.")] = None
    routing_hints: Annotated[
        bool,
        about("Whether its requests may steer routing (x_gateway_routing, X-Gateway-Strategy ...); if not, that is refused."),
    ] = True
    metadata_in_body: Annotated[bool, about("Add x_gateway_metadata to the body of every answer.")] = False
    on_loss: Annotated[
        Literal["drop", "refuse"] | None, about("Overrides translation.on_loss for this key; absent: as said there.")
    ] = None
    disabled: Annotated[bool, about("A disabled key is refused.")] = False
    expires: Annotated[datetime | None, about("Refused from this moment on (RFC 3339, with a time zone); absent: never.")] = None

    def check(self) -> Iterator[Fault]:
        if (self.key is None) == (self.key_hash is None):
            yield "", "needs exactly one of key and key_hash"
        if self.key is not None and len(self.key.reveal()) < SHORTEST_KEY:
            yield "key", f"is shorter than {SHORTEST_KEY} characters"


class Auth(Section, frozen=True):
    """Who may call."""

    keys: Annotated[tuple[ApiKey, ...], about("The keys that are accepted.")] = ()
    required: Annotated[
        bool | None,
        about(
            "Whether a key is needed; absent: if there are keys. Without keys only loopback is served, unless this says false."
        ),
    ] = None

    @property
    def needed(self) -> bool:
        """Whether a request without a key is refused."""
        return bool(self.keys) if self.required is None else self.required

    def check(self) -> Iterator[Fault]:
        if self.required and not self.keys:
            yield "required", "is true, but there are no keys: every request would be refused; add auth.keys"

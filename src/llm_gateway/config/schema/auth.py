"""`auth`: who may call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.schema.base import Digest, Fault, Section, Text, about
from llm_gateway.config.schema.limits import Allowance, Budget
from llm_gateway.config.schema.signin import SignIn
from llm_gateway.config.schema.tokens import Introspection, Jwt, Lockout, Mtls, Signing
from llm_gateway.config.values import Secret
from llm_gateway.core.scopes import granted, known

SHORTEST_KEY = 16
ANONYMOUS = "anonymous"
"""Who calls without a key, where none is needed."""
_Some = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class ApiKey(Section, frozen=True):
    """A key that callers present."""

    name: Annotated[str, about("What the key is called in logs, and its id; unique.", min_length=1, max_length=128)]
    key: Annotated[Secret | None, about(f"The key itself, {SHORTEST_KEY} characters or more.")] = None
    key_hash: Annotated[
        Digest | None,
        about(
            "Instead of key: what is kept of it, 64 hexadecimal digits.",
            hint="64 hexadecimal digits; a plain key goes into key",
        ),
    ] = None
    kind: Annotated[
        Literal["gateway", "admin", "readonly"],
        about("What it is for. gateway: asking models; readonly: looking only; admin: the admin API."),
    ] = "gateway"
    scopes: Annotated[
        _Some | None,
        about('Which operations it may use, such as chat:create, "files:*"; absent: what is usual for its kind.'),
    ] = None
    models: Annotated[tuple[Text, ...], about('What it may use: aliases, provider/model, and patterns such as "openai/*".')] = (
        "*",
    )
    passthrough: Annotated[
        tuple[Text, ...],
        about('Providers whose passthrough paths it may use; "*": all that have any. Its models hold there, too.'),
    ] = ()
    tenant: Annotated[
        str,
        about("Whose key it is: one of tenants; where there are none, any name that rules can tell apart.", max_length=128),
    ] = ""
    project: Annotated[str, about("The tenant's project that it belongs to.", max_length=128)] = ""
    tier: Annotated[Text | None, about("Its limits by name (limits.tiers); what limits says goes before it.")] = None
    limits: Annotated[Allowance, about("Limits of its requests.")] = Allowance()
    budgets: Annotated[tuple[Budget, ...], about("Money for its requests; all of them hold.")] = ()
    users: Annotated[Allowance, about("Limits of each end user that its requests name.")] = Allowance()
    user_budgets: Annotated[tuple[Budget, ...], about("Money for each end user that its requests name.")] = ()
    require_signature: Annotated[bool, about("Whether its requests must be signed (X-Signature).")] = False
    default_model: Annotated[Text | None, about("What its requests get that name the model `default`.")] = None
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
        for scope in self.scopes or ():
            if not known(scope):
                yield "scopes", "names no scope that there is; docs/IDENTITY.md lists them"
            elif not granted(self.kind, (scope,)):
                yield "scopes", f"has one that no key of kind {self.kind} can have"


class Auth(Section, frozen=True):
    """Who may call."""

    keys: Annotated[tuple[ApiKey, ...], about("The keys that are accepted.")] = ()
    required: Annotated[
        bool | None,
        about(
            "Whether a key is needed; absent: if there are keys. Without keys only loopback is served, unless this says false."
        ),
    ] = None
    jwt: Annotated[Jwt, about("Tokens that identity providers sign.")] = Jwt()
    introspection: Annotated[Introspection | None, about("Tokens that their issuer is asked about; absent: none are.")] = None
    mtls: Annotated[Mtls, about("Client certificates.")] = Mtls()
    signing: Annotated[Signing, about("Signed requests.")] = Signing()
    lockout: Annotated[Lockout, about("Wrong credentials again and again.")] = Lockout()
    admin: Annotated[SignIn, about("How people sign in to the admin API and its pages.")] = SignIn()

    @property
    def needed(self) -> bool:
        """Whether a request without a key is refused."""
        return bool(self.keys) or self.others if self.required is None else self.required

    @property
    def others(self) -> bool:
        """Whether there is a way to be recognised without a key of the gateway."""
        signed, shown = self.jwt and self.jwt.issuers, self.mtls and self.mtls.rules  # None: could not be read
        return bool(signed or shown) or self.introspection is not None

    def check(self) -> Iterator[Fault]:
        if self.required and not self.keys and not self.others:
            yield "required", "is true, but there are no keys: every request would be refused; add auth.keys"

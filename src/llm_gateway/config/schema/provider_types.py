"""`provider_types`: kinds of providers described as data. The files in providers/declared/ have the same members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec

from llm_gateway.config.schema.addresses import base_fault
from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.schema.providers import header_fault
from llm_gateway.config.values import Secret

_PLACE = re.compile(r"/(?:[!$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2}|\{model\})*")  # RFC 3986 section 3.3 and a query
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})

Variable = Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9._-]+)*$", max_length=100)]


class EndpointPlace(Section, frozen=True):
    """Where one dialect is spoken."""

    short: ClassVar[str] = "path"
    short_text: ClassVar[str] = "path"
    path: Annotated[Text, about("Path below the API's version; {model} stands for the model's name.")]
    stream_path: Annotated[Text | None, about("Path for streams; absent: the same.")] = None

    def check(self) -> Iterator[Fault]:
        for field, path in (("path", self.path), ("stream_path", self.stream_path)):
            if path is not None and not _PLACE.fullmatch(path):
                yield field, "expected a path such as /chat/completions or /models/{model}/chat"


class KeyPlace(Section, frozen=True):
    """How the key is sent."""

    short: ClassVar[str] = "scheme"
    short_text: ClassVar[str] = "bearer"
    scheme: Annotated[Literal["bearer"] | None, about("bearer: as Authorization: Bearer KEY (RFC 6750).")] = None
    header: Annotated[Text | None, about("The header that holds the key and nothing else, such as X-Api-Key.")] = None

    def check(self) -> Iterator[Fault]:
        if (self.scheme is None) == (self.header is None):
            yield "", "needs either bearer or header"
        if self.header is not None and (fault := header_fault(self.header)):
            yield "header", fault


class AccountHeaders(Section, frozen=True):
    """The headers that say which account pays or which version is meant; absent: the provider does not know it."""

    organization: Annotated[Text | None, about("Header for providers.NAME.organization.")] = None
    project: Annotated[Text | None, about("Header for providers.NAME.project.")] = None
    api_version: Annotated[Text | None, about("Header for providers.NAME.api_version.")] = None

    def check(self) -> Iterator[Fault]:
        for field in self.__struct_fields__:
            name = getattr(self, field)
            if name is not None and (fault := header_fault(name)):
                yield field, fault


class PrefillWay(Section, frozen=True):
    """How its chat completions go on from an assistant message at the end of a request. {}: without being told more."""

    message: Annotated[Text | None, about("Member of that message that must be true, such as prefix or partial.")] = None
    members: Annotated[
        dict[str, bool], about("Members of the request that must be set, such as continue_final_message: true.")
    ] = msgspec.field(default_factory=dict)
    path: Annotated[Text | None, about("Path below the API's version for such requests; absent: the usual one.")] = None
    repeats: Annotated[bool, about("Whether the answer begins with that message's text again.")] = False

    def check(self) -> Iterator[Fault]:
        if self.path is not None and not _PLACE.fullmatch(self.path):
            yield "path", "expected a path such as /beta/chat/completions"


class Quirks(Section, frozen=True):
    """What differs from the original in requests that the gateway translates. Same-dialect requests pass as they are, but for
    stream_usage.
    """

    max_tokens_field: Annotated[
        Literal["max_tokens", "max_completion_tokens"], about("openai_chat: the field that takes the most tokens of an answer.")
    ] = "max_tokens"
    developer_role: Annotated[
        bool, about("openai_chat: whether it knows the role developer; otherwise it is sent as system.")
    ] = False
    reasoning_field: Annotated[
        Literal["reasoning_content", "reasoning"] | None,
        about("openai_chat: where assistant messages take earlier reasoning back; absent: nowhere."),
    ] = None
    sampling: Annotated[
        tuple[Literal["top_k", "min_p", "repetition_penalty", "repeat_penalty"], ...],
        about("openai_chat: which of these sampling parameters, that OpenAI has not, it takes."),
    ] = ()
    thinking_switch: Annotated[
        bool, about("openai_chat: whether chat_template_kwargs.enable_thinking turns thinking on and off.")
    ] = False
    guided: Annotated[
        bool, about("openai_chat: whether the schema of an answer binds without strict, because it is decoded by.")
    ] = False
    stream_usage: Annotated[
        bool,
        about(
            "openai_chat, openai_completions: whether streams may be asked for their usage (stream_options.include_usage), which"
            " the gateway does for its ledger; otherwise it is estimated, unless it is told unasked."
        ),
    ] = True
    prefill: Annotated[
        PrefillWay | None,
        about("openai_chat: how it goes on from text that it is given; absent: it cannot. See docs/STREAM-CONTRACT.md."),
    ] = None
    default_max_tokens: Annotated[
        int, about("anthropic_messages: max_tokens when the caller named none.", ge=1, le=10_000_000)
    ] = 4096


class DeclaredType(Section, frozen=True):
    """A kind of provider that speaks dialects which the gateway has, under a name of your choice."""

    endpoints: Annotated[
        dict[str, EndpointPlace], about("Dialects that it speaks, each with its path; the best one for chats first.")
    ]
    title: Annotated[Text | None, about("Its name for people; absent: the type's name.")] = None
    docs: Annotated[Text | None, about("URL of its API's documentation.")] = None
    base_url: Annotated[Text | None, about("Its public address; absent: each provider of this type needs base_url.")] = None
    key_variable: Annotated[
        Variable | None, about("Environment variable with the key, for providers without api_key; absent: none.")
    ] = None
    key_required: Annotated[bool, about("Whether it answers nobody without a key.")] = True
    auth: Annotated[KeyPlace, about("How the key is sent.")] = KeyPlace(scheme="bearer")
    headers: Annotated[dict[str, Secret], about("Headers for every request to it.")] = msgspec.field(default_factory=dict)
    account_headers: Annotated[AccountHeaders, about("Headers for keys of a provider.")] = AccountHeaders()
    forwarded: Annotated[tuple[Text, ...], about("Headers of callers that are passed on to it; all others are not.")] = ()
    version: Annotated[Version, about("Put behind a base_url that names no version of the API; empty: it has none.")] = "/v1"
    models_path: Annotated[
        Annotated[str, msgspec.Meta(max_length=1000)], about("Path of its list of models; empty: it has none.")
    ] = "/models"
    quirks: Annotated[Quirks, about("What differs from the original.")] = Quirks()

    def check(self) -> Iterator[Fault]:
        if not self.endpoints:
            yield "endpoints", "needs at least one dialect"
        if self.base_url is not None and (fault := base_fault(self.base_url, "https://host/v1", "api_key")):
            yield "base_url", fault
        if self.docs is not None and not self.docs.startswith(("https://", "http://")):
            yield "docs", "expected a URL"
        if self.models_path and not _PLACE.fullmatch(self.models_path):
            yield "models_path", "expected a path such as /models"
        for field, names in (("headers", self.headers), ("forwarded", self.forwarded)):
            for name in names:
                if fault := header_fault(name):
                    yield field, fault
                elif name.lower() in _CREDENTIALS:
                    yield field, f"must not hold {name.lower()}: the key is in api_key, and callers' keys stay here"

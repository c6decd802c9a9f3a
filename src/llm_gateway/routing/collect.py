"""What a decision may depend on, taken from a request: only what somebody reads, and what is costly only if it can matter.

Counting a prompt and looking for what it needs mean reading all of it. Two cheap looks often make that unnecessary: a prompt has
no more tokens than its body has bytes, and a body without certain words needs no tools, no pictures and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Audio, ChatRequest, Document, Image, Part, ToolResult
from llm_gateway.core.embeddings import EmbeddingsRequest, estimated_tokens
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.estimate import CHARS_PER_TOKEN, estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.core.rerank import RerankRequest
from llm_gateway.dialects.base import Operation
from llm_gateway.providers.deployment import FORMS
from llm_gateway.routing.appetite import Appetite
from llm_gateway.routing.decide import Policy
from llm_gateway.routing.features import NORMAL, NOTHING, Features, Needs, Wishes
from llm_gateway.routing.prefix import PrefixIndex, fingerprints
from llm_gateway.routing.route import Route
from llm_gateway.routing.rules import Reads, Rules

SESSION_HEADERS = (b"x-gateway-session", b"x-session-id")
LONGEST_SESSION = 256
"""Characters; of longer ones a hash stands for them."""
LONGEST_VALUE = 1024
"""Characters of a header's value that rules see."""

_NO_RULES = Reads()
_EVERYTHING = Reads(
    stream=True, tokens=True, output=True, needs=True, cost=True, user=True, session=True, source=True, metadata=True
)
# Plain numbers: flags take a microsecond for each operation.
STREAMING, TOOLS, IMAGES, AUDIO, DOCUMENTS, JSON_SCHEMA, REASONING = map(int, Needs)
_WORDS: tuple[tuple[int, tuple[bytes, ...]], ...] = (
    (TOOLS, (b"tools", b"functions")),
    (IMAGES, (b"image", b"inline", b"file")),
    (AUDIO, (b"audio", b"inline", b"file")),
    (DOCUMENTS, (b"document", b"inline", b"file")),
    (JSON_SCHEMA, (b"schema", b"Schema", b'"format"')),
    (REASONING, (b"reason", b"think")),
)
"""Without one of these in its body no request of any dialect has that need."""
_FEW_BYTES = (b"image", b"document", b"inline", b"file")
"""What can be many tokens in few bytes: pictures and documents by name."""
DENSEST = 40
"""Tokens to a byte, at most: a page of a document that only an id stands for."""
_LIMIT = re.compile(rb'"(?:max_(?:completion_|output_)?tokens|maxOutputTokens|num_predict)"\s*:\s*([0-9]{1,9})')
_LIMIT_NAMES = (b'okens"', b'"num_predict')


def features_of(  # noqa: PLR0913 - what a decision depends on besides the request, each by name
    ex: Exchange,
    route: Route,
    policy: Policy,
    *,
    now: float,
    wall: float,
    seed: int,
    turn: int,
    wishes: Wishes | None = None,
    region: str = "",
    prefixes: PrefixIndex | None = None,
    everything: bool = False,
) -> Features:
    """`now`: monotonic seconds. `wall`: Unix seconds. `seed`: 64 random bits. `turn`: how many decisions the route had before.
    `region`: where the gateway runs. `prefixes`: what prompt caches hold. `everything`: for who wants to see it all, whatever it
    costs.
    """
    reads, wanted = _wanted(ex, route, policy, wishes)
    if everything:
        reads, wanted = replace(_EVERYTHING, headers=reads.headers), wanted._replace(session=True)
    caller = ex.caller
    features = Features(
        ex.model,
        now,
        wall,
        seed,
        turn,
        operation=ex.front.operation.value,
        needs=STREAMING if ex.stream else 0,
        key="" if caller is None else caller.key_name,
        region=region,
        priority=NORMAL if wishes is None or wishes.priority is None else wishes.priority,
        wishes=wishes,
    )
    if caller is not None:
        features.tenant, features.project, features.tags = caller.tenant, caller.project, caller.tags
        features.regions, features.providers = caller.regions, caller.providers
    if reads.source:
        features.source = ex.peer
    if reads.headers:
        features.headers = _headers(ex, reads.headers)
    if ex.metadata is not None and reads.metadata:
        features.metadata = ex.metadata
    if reads.user or reads.session or wanted.session:
        features.user, features.session = _who(ex)
    if wanted.prefix and FORMS.get(ex.front.operation) is Operation.CHAT:
        features.prefix = ex.prefix = ex.prefix or fingerprints(ex.body)
    if _must_read(ex.body, reads, wanted, wishes):
        _read(ex, features)
    if features.prefix and prefixes is not None and features.tokens > 0:
        features.cached = prefixes.expected(wanted.names, features.prefix, features.tokens, now)
        features.held = {name: prefixes.held(name) for name in wanted.names}
        features.again = prefixes.again()
    return features


def _wanted(ex: Exchange, route: Route, policy: Policy, wishes: Wishes | None) -> tuple[Reads, Appetite]:
    """What rules look at, and what the strategies and filters do that could come to decide."""
    wanted = route.appetite
    reads = _NO_RULES
    rules = policy.rules
    if rules is not None and (not isinstance(rules, Rules) or rules.concerns(ex.model)):
        wanted = wanted.joined(policy.appetite)
        reads = rules.reads if isinstance(rules, Rules) else _EVERYTHING
    if wishes is not None and wishes.strategy is not None:
        wanted = wanted.and_for((wishes.strategy,))
    return reads, wanted


# ---- cheap looks


def _must_read(body: bytes, reads: Reads, wanted: Appetite, wishes: Wishes | None) -> bool:
    """Whether the whole request has to be read."""
    if reads.tokens or reads.output or reads.needs or wanted.tokens or (wishes is not None and wishes.max_cost is not None):
        return True
    if wanted.smallest and _most_tokens(body, wanted.smallest) > wanted.smallest:
        return True
    return wanted.lacks != 0 and _may_need(body, wanted.lacks)


def _most_tokens(body: bytes, enough: int) -> int:
    """No fewer than the prompt and its answer can be, as core.estimate counts them. Up to `enough` any number will do."""
    limit = 0
    # rfind, here and below: from the right, CPython's search for a few bytes takes less time.
    if any(body.rfind(name) >= 0 for name in _LIMIT_NAMES):
        limit = max(map(int, _LIMIT.findall(body)), default=0)
    if DENSEST * len(body) + limit <= enough:
        return DENSEST * len(body) + limit
    return limit + len(body) * (DENSEST if any(body.rfind(word) >= 0 for word in _FEW_BYTES) else 1)


def _may_need(body: bytes, lacks: int) -> bool:
    for need, words in _WORDS:
        if lacks & need:
            for word in words:
                if body.rfind(word) >= 0:
                    return True
    return False


# ---- the whole request


def _read(ex: Exchange, features: Features) -> None:
    """Needs, tokens and output. A request that cannot be read has none: whoever it is sent to says what is wrong with it."""
    parse = getattr(ex.front, "parse_request", None)
    if parse is None:
        return  # it passes through
    if ex.request is None:
        try:
            ex.request = parse(ex.body)
        except GatewayError as error:
            release(error)
            return
    request: Any = ex.request
    if isinstance(request, ChatRequest):
        features.needs |= needs_of(request)
        features.tokens = estimate(request)
        if request.max_tokens is not None:
            features.output = request.max_tokens
    elif isinstance(request, EmbeddingsRequest):
        features.tokens, features.output = estimated_tokens(request), 0
    elif isinstance(request, RerankRequest):
        chars = sum(len(document.text) + len(request.query) for document in request.documents)
        features.tokens, features.output = -(-chars // CHARS_PER_TOKEN), 0


def needs_of(request: ChatRequest) -> int:
    """Bits of"""
    needs = 0
    if request.stream:
        needs |= STREAMING
    if request.tools:
        needs |= TOOLS
    if request.response_format is not None and request.response_format.kind == "schema":
        needs |= JSON_SCHEMA
    thinking = request.reasoning
    if thinking is not None and thinking.enabled is not False and thinking.effort != "none":
        needs |= REASONING
    for part in _parts(request):
        match part:
            case Image():
                needs |= IMAGES
            case Document(text=None):
                needs |= DOCUMENTS
            case Audio(data=data) if data:
                needs |= AUDIO
    return needs


def _parts(request: ChatRequest) -> Iterator[Part]:
    for message in request.messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.parts


# ---- who


class _Named(msgspec.Struct, gc=False):
    """Where dialects name a session or the end user. Anything may stand there: it is not ours to refuse."""

    prompt_cache_key: Any = None
    safety_identifier: Any = None
    user: Any = None
    metadata: Raw = Raw(b"null")


class _Metadata(msgspec.Struct, gc=False):
    user_id: Any = None


def _who(ex: Exchange) -> tuple[str, str]:
    """The end user ("" if none is named), and the session: what a header calls it, else what the body does, else the user, else
    the key. Claude Code's sessions stand in Anthropic's metadata.user_id, OpenAI's clients name a prompt_cache_key.
    """
    named = _named(ex.body)
    user = _text(_user_id(named.metadata)) or _text(named.safety_identifier) or _text(named.user)
    for name in SESSION_HEADERS:
        value = ex.headers.get(name)
        if value:
            return user, _short(value.decode("latin-1"))
    key = "" if ex.caller is None else ex.caller.owner
    return user, _text(named.prompt_cache_key) or user or key


def _named(body: bytes) -> _Named:
    try:
        return decode(body, _Named)
    except (MalformedJson, msgspec.ValidationError):
        return _Named()  # no JSON object: a form


def _user_id(metadata: Raw) -> Any:
    try:
        return msgspec.json.decode(metadata, type=_Metadata).user_id
    except (msgspec.MsgspecError, RecursionError):
        return None


def _text(value: Any) -> str:
    return _short(value) if isinstance(value, str) else ""


def _short(value: str) -> str:
    if len(value) <= LONGEST_SESSION:
        return value
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _headers(ex: Exchange, names: frozenset[str]) -> Mapping[str, str]:
    found = {}
    for name in names:
        value = ex.headers.get(name.encode("latin-1", "replace"))
        if value is not None:
            found[name] = value.decode("latin-1")[:LONGEST_VALUE]
    return found or NOTHING

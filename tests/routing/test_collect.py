from __future__ import annotations

from typing import Any

import msgspec
import pytest

from asked import asked
from llm_gateway.config.conditions.expressions import parse
from llm_gateway.config.conditions.tree import NOWHERE
from llm_gateway.config.conditions.when import When
from llm_gateway.config.schema import Action, Rule
from llm_gateway.core.caller import Caller
from llm_gateway.core.estimate import estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.openai_media import MEDIA, MediaFront
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.rerank import RERANK
from llm_gateway.routing.candidate import Leg
from llm_gateway.routing.collect import features_of, needs_of
from llm_gateway.routing.decide import PLAIN, Policy
from llm_gateway.routing.features import Features, Needs, Wishes
from llm_gateway.routing.prefix import PrefixIndex
from llm_gateway.routing.route import Route
from llm_gateway.routing.rules import Rules
from routed import candidate, leg, route

TWO = route(["a", "b"])
PIXEL = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def with_strategy(strategy: Any) -> Route:
    return route(Leg("m", (candidate("a"), candidate("b")), strategy))


def collected(ex: Exchange, of: Route = TWO, policy: Policy = PLAIN, wishes: Wishes | None = None, **more: Any) -> Features:
    return features_of(ex, of, policy, now=5.0, wall=6.0, seed=7, turn=8, wishes=wishes, region="here", **more)


def ruled(*conditions: str, find: Any = None, **then: Any) -> Policy:
    """A policy of a rule for each condition."""
    action = Action(**(then or {"reject": "no"}))
    rules = [Rule(name=f"r{n}", when=When(parse(text, lambda _: NOWHERE)), then=action) for n, text in enumerate(conditions)]
    return Policy(Rules(rules, lambda _features: None), find)


def test_what_is_always_there():
    """The request's name, its times and draws, its key and where the gateway runs: they cost nothing."""
    caller = Caller("k", tenant="t", project="p", tags=("x",), regions=("eu",), providers=("a",))
    assert collected(asked(caller=caller)) == Features(
        "m",
        5.0,
        6.0,
        7,
        8,
        key="k",
        tenant="t",
        project="p",
        tags=frozenset({"x"}),
        regions=frozenset({"eu"}),
        providers=frozenset({"a"}),
        region="here",
    )


def test_nothing_is_read_that_nobody_asks_for():
    """Two candidates of which nothing is known: the body is not even parsed."""
    ex = asked({"tools": [TOOL], "user": "u", "max_tokens": 5, "messages": [{"role": "user", "content": [PIXEL]}]})
    features = collected(ex)
    assert ex.request is None
    assert (features.tokens, features.output, features.needs, features.session) == (-1, -1, 0, "")


def test_streaming_needs_no_look():
    """The view has told."""
    assert collected(asked({"stream": True})).needs == Needs.STREAMING


@pytest.mark.parametrize("strategy", ["lowest_cost", "usage_headroom", "prefix_affinity"])
def test_strategies_that_count(strategy):
    """Tokens as core.estimate has them, and the output that the caller allows."""
    ex = asked({"max_tokens": 50})
    features = collected(ex, with_strategy(strategy))
    assert ex.request is not None
    assert (features.tokens, features.output) == (estimate(ex.request), 50)


def test_a_wished_strategy_counts_too():
    """It is the caller's, not the route's, that decides."""
    assert collected(asked(), wishes=Wishes(strategy="lowest_cost")).tokens > 0
    assert collected(asked(), wishes=Wishes(strategy="sticky")).session == "key"
    assert collected(asked(), wishes=Wishes(max_cost=1)).tokens > 0


def test_the_priority_that_is_wished():
    """Otherwise it is normal."""
    assert (collected(asked()).priority, collected(asked(), wishes=Wishes(priority=3)).priority) == (1, 3)


def test_prompt_caches():
    """What each is expected to hold of this prompt, for the strategy that asks; the exchange keeps the fingerprints."""
    index, of = PrefixIndex(), with_strategy("prefix_affinity")
    body = {"messages": [{"role": "user", "content": "x" * 8000}]}
    ex = asked(body)
    first = collected(ex, of, prefixes=index)
    assert first.prefix == ex.prefix != ()
    assert dict(first.cached) == {}
    index.seen("b/model", ex.prefix, first.tokens, 4.0)
    again = collected(asked(body), of, prefixes=index)
    assert set(again.cached) == {"b/model"}
    assert set(again.held) == {"a/model", "b/model"}
    assert again.again >= 0
    assert collected(asked(body), prefixes=index).prefix == ()


# ---- cheap looks


@pytest.mark.parametrize(
    ("window", "more", "read"),
    [
        (1000, {}, False),
        (50, {}, True),
        (1000, {"max_tokens": 950}, True),
        (1000, {"max_completion_tokens": 950}, True),
        (1000, {"max_tokens": 100}, False),
        (1000, {"messages": [{"role": "user", "content": [PIXEL]}]}, True),
        (10_000, {"messages": [{"role": "user", "content": [PIXEL]}]}, False),
        (1000, {"messages": [{"role": "user", "content": "x" * 1000}]}, True),
    ],
)
def test_a_prompt_that_cannot_be_too_long_is_not_counted(window, more, read):
    """A body has at least as many bytes as its prompt has tokens, unless pictures stand in it by name."""
    small = route(leg(candidate("a", context=window), candidate("b")))
    ex = asked(more)
    features = collected(ex, small)
    assert ((features.tokens >= 0), (ex.request is not None)) == (read, read)


WISHES: list[tuple[Needs, dict[str, Any]]] = [
    (Needs.TOOLS, {"tools": [TOOL]}),
    (Needs.IMAGES, {"messages": [{"role": "user", "content": [PIXEL]}]}),
    (Needs.JSON_SCHEMA, {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
    (Needs.REASONING, {"reasoning_effort": "high"}),
    (
        Needs.AUDIO,
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}]}]},
    ),
    (
        Needs.DOCUMENTS,
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ=="}}]}
            ]
        },
    ),
]


@pytest.mark.parametrize(("need", "more"), WISHES)
def test_needs_are_found_where_somebody_lacks_them(need, more):
    """And a body without the words of that need is not read for it."""
    lacking = route(leg(candidate("a", lacks=int(need)), candidate("b")))
    assert collected(asked(more), lacking).needs & need
    plain = asked()
    assert collected(plain, lacking).needs == 0
    assert plain.request is None


@pytest.mark.parametrize(
    ("front", "more"),
    [
        (ANTHROPIC_MESSAGES, {"max_tokens": 5, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
        (OPENAI_RESPONSES, {"input": "hi", "tools": [{"type": "function", "name": "f", "parameters": {}}]}),
        (
            GeminiFront("m"),
            {"contents": [{"parts": [{"text": "hi"}]}], "tools": [{"functionDeclarations": [{"name": "f"}]}]},
        ),
    ],
)
def test_needs_in_every_dialect(front, more):
    """They are read from the neutral form."""
    lacking = route(leg(candidate("a", lacks=int(Needs.TOOLS)), candidate("b")))
    body = more if "messages" not in more and front is not ANTHROPIC_MESSAGES else None
    ex = asked(msgspec.json.encode({"model": "m", **more}) if body else more, front=front)
    assert collected(ex, lacking).needs & Needs.TOOLS


def test_thinking_that_is_switched_off_needs_nothing():
    """Any model can leave it."""
    ex = asked({"reasoning_effort": "none"})
    assert needs_of(ex.front.parse_request(ex.body)) == 0


def test_a_request_that_cannot_be_read_has_no_needs():
    """Whoever it is sent to says what is wrong with it."""
    ex = asked({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 3}]}]})
    features = collected(ex, with_strategy("lowest_cost"))
    assert (features.tokens, ex.request) == (-1, None)


@pytest.mark.parametrize(
    ("front", "body", "tokens"),
    [
        (EMBEDDINGS, {"model": "m", "input": ["abcd" * 10]}, 10),
        (RERANK, {"model": "m", "query": "abcd", "documents": ["abcd" * 9]}, 10),
    ],
)
def test_other_operations_are_counted_too(front, body, tokens):
    """They have no output that costs anything."""
    features = collected(asked(msgspec.json.encode(body), front=front), with_strategy("lowest_cost"))
    assert (features.tokens, features.output, features.operation) == (tokens, 0, front.operation.value)


def test_what_passes_through_is_not_counted():
    """Nobody reads it."""
    speech = next(kind for kind in MEDIA if kind.path == "/audio/speech")
    ex = asked(b'{"model":"m","input":"hi"}', front=MediaFront(speech, b"application/json"))
    features = collected(ex, with_strategy("lowest_cost"))
    assert (features.tokens, features.operation) == (-1, "speech")


# ---- who


@pytest.mark.parametrize(
    ("body", "headers", "session", "user"),
    [
        ({}, {}, "key", ""),
        ({"user": "u"}, {}, "u", "u"),
        ({"safety_identifier": "s", "user": "u"}, {}, "s", "s"),
        ({"metadata": {"user_id": "user_1_session_2"}}, {}, "user_1_session_2", "user_1_session_2"),
        ({"prompt_cache_key": "c", "user": "u"}, {}, "c", "u"),
        ({"prompt_cache_key": "c", "user": "u"}, {b"x-session-id": b"h"}, "h", "u"),
        ({}, {b"x-session-id": b"h", b"x-gateway-session": b"g"}, "g", ""),
        ({"user": "u", "prompt_cache_key": 3, "metadata": {"user_id": 4}}, {}, "u", "u"),
    ],
)
def test_who_asks(body, headers, session, user):
    """A header's session, the body's, the user, the key, in this order; what is no text names nobody."""
    features = collected(
        asked(body, headers),
        with_strategy("sticky"),
    )
    assert (features.session, features.user) == (session, user)


def test_a_long_session_is_short():
    """Equal ones stay equal."""
    one, same, other = (
        collected(asked({"user": text}), with_strategy("sticky")).session for text in ("a" * 999, "a" * 999, "a" * 998)
    )
    assert one == same != other
    assert len(one) == 32


# ---- rules


def test_only_what_rules_read():
    """Headers that they name, metadata, the caller's address; nothing else."""
    ex = asked({"user": "u", "x": 1}, {b"x-team": b"ml", b"x-other": b"secret"})
    ex.metadata = {"team": "ml"}
    features = collected(ex, policy=ruled('header("X-Team") == "ml"'))
    assert (dict(features.headers), dict(features.metadata), features.source, features.user) == ({"x-team": "ml"}, {}, "", "")
    features = collected(ex, policy=ruled('metadata.team == "ml"', 'source in "10.0.0.0/8"', 'user == "x"'))
    assert (dict(features.headers), dict(features.metadata), features.source, features.user) == (
        {},
        {"team": "ml"},
        "10.1.2.3",
        "u",
    )
    assert ex.request is None


@pytest.mark.parametrize("condition", ["tokens > 5", "output > 5", "needs tools", "cost > 0.1"])
def test_rules_that_read_the_whole_request(condition):
    """Only for models that they could concern."""
    assert collected(asked(), policy=ruled(condition)).tokens > 0
    assert collected(asked(), policy=ruled(f'model == "other" and {condition}')).tokens == -1


def test_what_rules_lead_to_is_read_too():
    """The strategy they set, and the routes they send to."""
    assert collected(asked(), policy=ruled('tenant == "x"', strategy="lowest_cost", find=lambda _name: None)).tokens > 0
    dear = {"dear": with_strategy("lowest_cost")}
    assert collected(asked(), policy=ruled('tenant == "x"', route="dear", find=dear.get)).tokens > 0
    assert collected(asked(), policy=ruled('tenant == "x"', route="gone", find=dear.get)).tokens == -1


def test_everything():
    """For who explains: also what nobody reads."""
    ex = asked({"user": "u", "tools": [TOOL]})
    ex.metadata = {"team": "ml"}
    features = collected(ex, route(["a"]), everything=True)
    assert features.tokens > 0
    assert features.needs == Needs.TOOLS
    assert (features.session, features.source, dict(features.metadata)) == ("u", "10.1.2.3", {"team": "ml"})

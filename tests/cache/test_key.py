"""Under what answers are kept: whatever could change an answer, and whoever may see it, makes another key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llm_gateway
from asked import asked
from llm_gateway.cache.key import Keys, Scope
from llm_gateway.core.caller import Caller
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.edge.gemini import GeminiFront
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.features import Wishes
from llm_gateway.routing.route import Route
from routed import at, decision, leg, route

SECRET = b"s" * 32
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5}'


@dataclass(frozen=True)
class Told:
    """One request with all that its key could depend on."""

    body: bytes = BODY
    path: bytes = b"/v1/chat/completions"
    model: str = "m"
    stream: bool = False
    strict: bool | None = None
    front: Any = OPENAI_CHAT
    headers: dict[bytes, bytes] = field(default_factory=dict)
    caller: Caller | None = field(default_factory=lambda: Caller("k", tenant="acme", project="web"))
    wishes: Wishes | None = None
    split: str = ""
    kind: str = "openai"
    url: str = "http://127.0.0.1:1"
    name: str = "a"
    served: str = "real"
    routed: str = "m"
    around: bool = False
    ident: str = "req_1"
    scope: Scope = "tenant"
    secret: bytes = SECRET
    refuses: bool = False

    def key(self) -> bytes:
        ex = asked(BODY, self.headers, front=OPENAI_CHAT, caller=self.caller, ident=self.ident)
        ex.caller, ex.front, ex.body, ex.path = self.caller, self.front, self.body, self.path
        ex.model, ex.stream, ex.strict = self.model, self.stream, self.strict
        upstream = Upstream(self.name, PROVIDER_TYPES[self.kind], self.url)
        made = route(leg(at(upstream, self.served)), around_filter=self.around)
        made = Route(self.routed, made.legs, 0, 60.0, around_filter=self.around)
        return Keys(self.secret, self.scope, strict=self.refuses).of(ex, decision(made, wishes=self.wishes, split=self.split))


def tells(**facts: Any) -> Callable[[Told], Told]:
    return lambda told: replace(told, **facts)


def may(**rights: Any) -> Callable[[Told], Told]:
    return tells(caller=Caller("k", tenant="acme", project="web", **rights))


OTHERS = {
    "another prompt": tells(body=BODY.replace(b"hi", b"ho")),
    "a blank more": tells(body=BODY + b" "),
    "a member twice": tells(body=BODY.replace(b'{"model"', b'{"temperature":1,"model"')),
    "tools": tells(body=BODY.replace(b'{"model"', b'{"tools":[],"model"')),
    "an end user": tells(body=BODY.replace(b'{"model"', b'{"user":"u1","model"')),
    "another path": tells(path=b"/openai/v1/chat/completions"),
    "another name asked for": tells(model="n"),
    "as a stream": tells(stream=True),
    "strict": tells(strict=True),
    "not strict": tells(strict=False),
    "another dialect": tells(front=ANTHROPIC_MESSAGES),
    "a header that is passed on": tells(headers={b"openai-beta": b"x"}),
    "its value": tells(headers={b"openai-beta": b""}),
    "another tenant": tells(caller=Caller("k", tenant="other", project="web")),
    "no tenant": tells(caller=Caller("k")),
    "nobody": tells(caller=None),
    "a strict key": may(strict=True),
    "regions": may(regions=["eu"]),
    "other regions": may(regions=["us"]),
    "no region": may(regions=[]),
    "providers": may(providers=["a"]),
    "providers named like regions": may(providers=["eu"]),
    "a wish": tells(wishes=Wishes(prefer=("a",))),
    "another wish": tells(wishes=Wishes(exclude=frozenset({"a"}))),
    "a cheap wish": tells(wishes=Wishes(max_cost=1)),
    "a side of a split": tells(split="test:m"),
    "another provider": tells(name="b"),
    "another account of the kind": tells(kind="openai_compatible"),
    "another host": tells(url="http://127.0.0.2:1"),
    "another port": tells(url="http://127.0.0.1:2"),
    "another path there": tells(url="http://127.0.0.1:1/v2"),
    "another scheme": tells(url="https://127.0.0.1:1"),
    "another model there": tells(served="real-2"),
    "another route": tells(routed="n"),
    "around filters": tells(around=True),
    "where loss is refused": tells(refuses=True),
    "another installation": tells(secret=b"t" * 32),
}


def test_every_fact_makes_another_key():
    """All of them and the plain request are told apart, each from each."""
    keys = {name: change(Told()).key() for name, change in OTHERS.items()}
    keys["plain"] = Told().key()
    assert len(set(keys.values())) == len(keys), [name for name, key in keys.items() if list(keys.values()).count(key) > 1]
    assert {len(key) for key in keys.values()} == {24}


@pytest.mark.parametrize(
    "change",
    [
        tells(ident="req_2"),
        tells(headers={b"idempotency-key": b"1"}),
        tells(headers={b"x-request-id": b"1", b"authorization": b"Bearer x", b"user-agent": b"curl", b"x-cache": b"HIT"}),
        tells(headers={b"cache-control": b"max-age=5"}),
        tells(wishes=Wishes(deadline=1.0, priority=2, retries=0)),
        tells(headers={b"anthropic-beta": b"not for this provider"}),
        tells(caller=Caller("another", tenant="acme", project="app", tags=("x",), roles=frozenset({"r"}), user="u2")),
    ],
)
def test_what_changes_no_answer_is_no_part_of_it(change):
    """The request's own id, headers that no provider sees, and which key of the tenant asked."""
    assert change(Told()).key() == Told().key()


@pytest.mark.parametrize(
    ("scope", "changes"),
    [("tenant", {"tenant"}), ("project", {"tenant", "project"}), ("key", {"tenant", "project", "owner"})],
)
def test_the_scope_says_how_far_answers_go(scope, changes):
    """Never further than a tenant; two keys of one name are two, and one that was rotated is the one before it."""
    who = {"tenant": "acme", "project": "web", "owner": "id-1"}
    plain = Told(scope=scope, caller=Caller("name", key_id="id-1", **who)).key()
    for fact in ("tenant", "project", "owner"):
        other = Told(scope=scope, caller=Caller("name", key_id="id-1", **{**who, fact: "other"})).key()
        assert (other != plain) is (fact in changes), fact
    assert Told(scope=scope, caller=Caller("name", key_id="id-2", **who)).key() == plain


def test_names_cannot_be_put_together_another_way():
    """A token's tenant may be any text: no slash, quote or blank makes it another's."""
    pairs = [("a/b", "c"), ("a", "b/c"), ("a", "b"), ("a/b/c", ""), ("", "a/b/c"), ('a","b', ""), ("a\x00b", ""), ("a b", "c")]
    for scope in ("project", "key"):
        keys = {Told(scope=scope, caller=Caller("k", tenant=tenant, project=project)).key() for tenant, project in pairs}
        assert len(keys) == len(pairs)


@pytest.mark.parametrize("scope", ["tenant", "project", "key"])
def test_who_needs_no_key_has_answers_of_his_own(scope):
    """A stranger must not find out what those with a key have asked, though they may have no tenant either."""
    stranger = Told(scope=scope, caller=Caller("k", kind="anonymous")).key()
    assert stranger != Told(scope=scope, caller=Caller("k")).key()
    token = Told(scope=scope, caller=Caller("k", kind="jwt")).key()
    assert token == Told(scope=scope, caller=Caller("k")).key()


def test_a_gemini_stream_as_events_is_not_the_one_as_an_array():
    """The query that says so is part of what the dialect is made for."""
    events = Told(front=GeminiFront("m", stream=True), stream=True).key()
    assert events != Told(front=GeminiFront("m", stream=True, array=True), stream=True).key()


def test_a_header_that_any_provider_of_the_route_is_given_counts():
    """Whoever answers may have been the one that reads it."""
    both = [Upstream(name, PROVIDER_TYPES[kind], "http://127.0.0.1:1") for name, kind in (("a", "openai"), ("b", "anthropic"))]
    made = decision(route(leg(at(both[0], "x")), leg(at(both[1], "y"))))
    keys = Keys(SECRET, "tenant")
    plain, beta = asked(BODY), asked(BODY, {b"anthropic-beta": b"context-1m"})
    assert keys.of(plain, made) != keys.of(beta, made)


def test_names_that_callers_make_up_do_not_fill_the_memory():
    """Any model of a provider may be asked for by its name: only so many shapes are remembered, and all have keys."""
    keys = Keys(SECRET, "tenant")
    keys._routes = dict.fromkeys((f"r{number}" for number in range(10_000)), (b"", ()))
    upstream = Upstream("a", PROVIDER_TYPES["openai"], "http://127.0.0.1:1")
    ex = asked(BODY)
    made = {keys.of(ex, decision(Route(f"a/{n}", (leg(at(upstream, f"x{n}")),), 0, 60.0))) for n in range(50)}
    assert len(made) == 50
    assert len(keys._routes) == 10_000


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SEVERAL = st.one_of(st.none(), st.lists(st.sampled_from(["eu", "us", "a", "b"]), max_size=3))
REQUESTS = st.builds(
    lambda body, model, stream, strict, header, tenant, regions, providers, prefer, split: (
        (body, model, stream, strict, header, tenant, _set(regions), _set(providers), tuple(prefer), split),
        Told(
            body=body,
            model=model,
            stream=stream,
            strict=strict,
            headers={} if header is None else {b"openai-beta": header},
            caller=Caller("k", tenant=tenant, regions=regions, providers=providers),
            wishes=Wishes(prefer=tuple(prefer)) if prefer else None,
            split=split,
        ),
    ),
    st.binary(max_size=6),
    TEXT,
    st.booleans(),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.binary(max_size=3)),
    TEXT,
    SEVERAL,
    SEVERAL,
    st.lists(st.sampled_from(["a", "b"]), max_size=2),
    TEXT,
)


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


@given(REQUESTS, REQUESTS)
def test_keys_are_equal_exactly_if_requests_are(one, other):
    """Whatever bytes and texts they are made of: nothing of one part can pass for another's."""
    (facts, told), (other_facts, other_told) = one, other
    assert (told.key() == other_told.key()) is (facts == other_facts)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_where_facts_end_and_the_body_begins_cannot_be_moved(data, cut):
    """The same bytes, divided another way between a header and the body, are another request."""
    divided = Told(headers={b"openai-beta": data[:cut]}, body=data[cut:])
    other = Told(headers={b"openai-beta": data}, body=b"")
    assert (divided.key() == other.key()) is (data[:cut] == data and data[cut:] == b"")


ELSEWHERE = """
import sys
sys.path[:0] = sys.argv[1:]
from cache.test_key import Told
from llm_gateway.core.caller import Caller
from llm_gateway.routing.features import Wishes
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
names = ["eu", "us", "ap", "me", "af", "sa"]
told = Told(caller=Caller("k", tenant="acme", regions=names, providers=names), wishes=Wishes(exclude=frozenset(names)))
print(told.key().hex())
"""


def test_keys_are_the_same_in_every_process():
    """Whatever seed hashes of texts have there: sets are put in order, or no worker would find another's answers."""
    tests = Path(__file__).parent.parent
    source = Path(llm_gateway.__file__).parent.parent
    found = set()
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(tests), str(source)],
            env={"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())
    assert len(found) == 1


def test_a_key_shows_nothing_of_the_request():
    """It is a keyed hash: without the installation's secret no prompt can be tried out on it."""
    assert Told(secret=b"").key() != Told().key()
    assert b"hi" not in Told().key()

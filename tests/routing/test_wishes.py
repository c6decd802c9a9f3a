from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asked import asked
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden, InvalidRequest
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_media import MEDIA, MediaFront
from llm_gateway.routing.features import HIGH, Wishes
from llm_gateway.routing.wishes import wishes_of

FORM = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n"x_gateway_routing"\r\n--b--\r\n'


def wished(routing: Any, headers: dict[bytes, bytes] | None = None) -> Wishes | None:
    return wishes_of(asked({"x_gateway_routing": routing}, headers))


def refused(routing: Any = None, headers: dict[bytes, bytes] | None = None, **more: Any) -> tuple[str | None, str]:
    body = more if routing is None else {"x_gateway_routing": routing, **more}
    with pytest.raises(InvalidRequest) as error:
        wishes_of(asked(body, headers))
    return error.value.param, error.value.code


def test_nothing_said():
    """No wishes, and the body stays the very same object."""
    ex = asked()
    body = ex.body
    assert wishes_of(ex) is None
    assert ex.body is body
    assert ex.metadata is None


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_in_it_is_nothing_said(nothing):
    """An empty member is cut like any other, and a key that may not steer may send it."""
    ex = asked({"x_gateway_routing": nothing}, caller=Caller("key", hints=False))
    assert wishes_of(ex) is None
    assert b"x_gateway" not in ex.body


def test_every_member():
    """Each means what requirements 1.2 say; dollars become nano-dollars."""
    said = {
        "strategy": "lowest-cost",
        "provider_preference": ["a", "b/c"],
        "region_preference": ["eu"],
        "excluded_providers": ["d"],
        "fallback_enabled": False,
        "max_retries": 0,
        "max_cost": 0.25,
        "timeout": 2,
        "priority": "high",
    }
    assert wished(said) == Wishes(
        strategy="lowest_cost",
        prefer=("a", "b/c"),
        regions=("eu",),
        exclude=frozenset({"d"}),
        fallback=False,
        retries=0,
        max_cost=250_000_000,
        deadline=2.0,
        priority=HIGH,
    )


def test_every_header():
    """Each means the same as its member."""
    headers = {
        b"x-gateway-strategy": b"Round-Robin",
        b"x-gateway-providers": b"a, b/c",
        b"x-gateway-exclude": b"d",
        b"x-gateway-fallback": b"off",
        b"x-gateway-max-retries": b"3",
        b"x-gateway-max-cost": b"0.25",
        b"x-gateway-deadline": b"500ms",
        b"x-gateway-priority": b"HIGH",
    }
    assert wishes_of(asked(headers=headers)) == Wishes(
        strategy="round_robin",
        prefer=("a", "b/c"),
        exclude=frozenset({"d"}),
        fallback=False,
        retries=3,
        max_cost=250_000_000,
        deadline=0.5,
        priority=HIGH,
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lowest-latency", "least_latency"),
        ("lowest_latency", "least_latency"),
        ("round-robin", "round_robin"),
        ("weighted", "weighted"),
        ("prefix-affinity", "prefix_affinity"),
    ],
)
def test_names_of_strategies(written, meant):
    """With - or _, those of the requirements and those of the configuration."""
    wishes = wished({"strategy": written})
    assert wishes is not None
    assert wishes.strategy == meant


def test_the_header_wins_field_by_field():
    """What only the body says stays."""
    wishes = wished({"strategy": "weighted", "max_retries": 1}, {b"x-gateway-strategy": b"sticky"})
    assert wishes == Wishes(strategy="sticky", retries=1)


@pytest.mark.parametrize(
    ("routing", "param"),
    [
        ({"strategi": "weighted"}, "strategi"),
        ({"strategy": "best"}, "strategy"),
        ({"strategy": 3}, "strategy"),
        ({"provider_preference": "a"}, "provider_preference"),
        ({"provider_preference": ["a", 3]}, "provider_preference[1]"),
        ({"provider_preference": ["a"] * 33}, "provider_preference"),
        ({"excluded_providers": [""]}, "excluded_providers[0]"),
        ({"fallback_enabled": "no"}, "fallback_enabled"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 21}, "max_retries"),
        ({"max_cost": -0.1}, "max_cost"),
        ({"timeout": 601}, "timeout"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": 1, "timeout": 1}, "timeout"),
        ({"priority": "urgent"}, "priority"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(routing, param):
    """Unknown members too: nothing is accepted and ignored."""
    assert refused(routing) == (f"x_gateway_routing.{param}", "invalid_parameter_value")


@pytest.mark.parametrize("routing", [3, [], "weighted", True])
def test_a_member_that_is_no_object(routing):
    """The path is the member's own."""
    assert refused(routing)[0] == "x_gateway_routing"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Gateway-Strategy", b"best"),
        ("X-Gateway-Providers", b" , "),
        ("X-Gateway-Exclude", b",".join([b"a"] * 33)),
        ("X-Gateway-Fallback", b"maybe"),
        ("X-Gateway-Max-Retries", b"-1"),
        ("X-Gateway-Max-Cost", b"nan"),
        ("X-Gateway-Deadline", b"0s"),
        ("X-Gateway-Deadline", b"601"),
        ("X-Gateway-Priority", b"\xff"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused_by_its_name(name, value):
    """As the requirements spell it."""
    assert refused(headers={name.lower().encode(): value})[0] == name


def test_an_error_never_repeats_the_value():
    """It may be anything."""
    with pytest.raises(InvalidRequest) as error:
        wished({"priority": "sk-secret"})
    assert "sk-secret" not in error.value.message


@pytest.mark.parametrize("headers", [{}, {b"x-gateway-priority": b"critical"}])
def test_a_key_that_may_not_steer(headers):
    """403, whichever way it was said."""
    body = {} if headers else {"x_gateway_routing": {"priority": "critical"}}
    with pytest.raises(Forbidden) as error:
        wishes_of(asked(body, headers, caller=Caller("key", hints=False)))
    assert error.value.code == "routing_hints_not_allowed"
    assert error.value.param == ("X-Gateway-Priority" if headers else "x_gateway_routing")


def test_metadata_are_labels_for_rules():
    """They steer nothing by themselves, so that any key may send them."""
    ex = asked({"x_gateway_metadata": {"tenant_id": "t-1", "team": "ml"}}, caller=Caller("key", hints=False))
    assert wishes_of(ex) is None
    assert ex.metadata == {"tenant_id": "t-1", "team": "ml"}
    assert b"x_gateway" not in ex.body


@pytest.mark.parametrize(
    ("metadata", "param", "code"),
    [
        ({"tenant_id": "a b"}, "x_gateway_metadata.tenant_id", "invalid_tenant_id"),
        ({"team": 3}, "x_gateway_metadata[...]", "invalid_parameter_value"),
        ({f"k{n}": "" for n in range(17)}, "x_gateway_metadata", "invalid_parameter_value"),
        ({"k": "v" * 257}, "x_gateway_metadata[...]", "invalid_parameter_value"),
    ],
)
def test_metadata_are_bounded(metadata, param, code):
    """Texts by name, and not too many."""
    assert refused(x_gateway_metadata=metadata) == (param, code)


def test_an_unknown_member_of_ours():
    """A slip of the pen would reach the provider otherwise."""
    assert refused(x_gateway_routng={})[0] == "x_gateway_routng"


def test_two_of_them():
    """Which one is meant nobody can know."""
    body = (
        b'{"x_gateway_routing":{},"model":"m","messages":[{"role":"user","content":"hi"}],"x_gateway_routing":{"max_retries":1}}'
    )
    with pytest.raises(InvalidRequest, match="more than once"):
        wishes_of(asked(body))


def test_asked_again():
    """The body has nothing of it any more, and the answer is the same."""
    ex = asked({"x_gateway_routing": {"max_retries": 1}})
    assert wishes_of(ex) is wishes_of(ex) is not None


def test_a_prompt_that_talks_about_it_is_not_touched():
    """Only the member at the top level is the gateway's."""
    ex = asked({"messages": [{"role": "user", "content": '{"x_gateway_routing": 1}'}], "metadata": {"x_gateway_routing": "1"}})
    body = ex.body
    assert wishes_of(ex) is None
    assert ex.body is body


def test_a_form_is_not_touched():
    """Only JSON has members."""
    kind = next(kind for kind in MEDIA if kind.name.endswith("transcriptions") or "transcription" in kind.path)
    ex = asked(FORM, front=MediaFront(kind, b"multipart/form-data; boundary=b"))
    assert wishes_of(ex) is None
    assert ex.body is FORM


def test_the_place_of_the_model_is_forgotten():
    """Where it stood before the cut, something else stands now."""
    ex = asked(b'{"x_gateway_routing":{"max_retries":1},"model":"m","messages":[{"role":"user","content":"hi"}]}')
    assert ex.view.model_at > 0
    wishes_of(ex)
    assert ex.view.model_at == -1


def test_any_dialect():
    """The member stands in Anthropic's body as it does in OpenAI's."""
    ex = asked({"max_tokens": 5, "x_gateway_routing": {"max_retries": 1}}, front=ANTHROPIC_MESSAGES)
    assert wishes_of(ex) == Wishes(retries=1)
    assert ANTHROPIC_MESSAGES.parse_request(ex.body).extra == {}


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4),
    st.integers(min_value=0, max_value=4),
    st.sampled_from(["", " ", "\n  "]),
)
def test_the_rest_of_the_body_stays(others, place, space):
    """Whatever stands around the member, all the others stay as they were, in their order."""
    members = [(name, value) for name, value in others.items() if name not in ("model", "messages", "stream")]
    members += [("model", "m"), ("messages", [{"role": "user", "content": "hi"}])]
    said = [*members[:place], ("x_gateway_routing", {"max_retries": 1}), *members[place:]]
    texts = [f"{msgspec.json.encode(name).decode()}:{space}{msgspec.json.encode(value).decode()}" for name, value in said]
    ex = asked(("{" + f",{space}".join(texts) + "}").encode())
    assert wishes_of(ex) == Wishes(retries=1)
    assert list(msgspec.json.decode(ex.body).items()) == members

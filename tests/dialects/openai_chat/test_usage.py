"""Usage in OpenAI's counting and in disjoint classes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.strategies import usages
from llm_gateway.core.usage import BilledUsage, Usage
from llm_gateway.dialects.openai_chat.usage import (
    CompletionDetails,
    PromptDetails,
    UsageWire,
    _all_classes,
    parse_usage,
    read_usage,
    render_usage,
)


def read(**members: object) -> Usage | None:
    return read_usage(Raw(msgspec.json.encode(members)))


def test_details_are_taken_out_of_their_totals():
    """OpenAI counts cached, audio, reasoning and predicted tokens inside of prompt and completion."""
    usage = read(
        prompt_tokens=100,
        completion_tokens=50,
        total_tokens=150,
        prompt_tokens_details={"cached_tokens": 60, "audio_tokens": 10},
        completion_tokens_details={
            "reasoning_tokens": 20, "audio_tokens": 5, "accepted_prediction_tokens": 3, "rejected_prediction_tokens": 2,
        },
    )  # fmt: skip
    assert usage == Usage(
        input=30,
        cache_read=60,
        audio_input=10,
        output=20,
        reasoning=20,
        audio_output=5,
        accepted_prediction=3,
        rejected_prediction=2,
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"prompt_cache_hit_tokens": 6}, Usage(input=4, cache_read=6, output=5)),  # DeepSeek
        ({"cached_tokens": 6}, Usage(input=4, cache_read=6, output=5)),  # Together
        ({"cache_read_input_tokens": 6, "cache_creation_input_tokens": 3}, Usage(input=1, cache_read=6, cache_write=3, output=5)),
        (
            {"prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 4}},
            Usage(input=5, cache_read=1, cache_write=4, output=5),
        ),
        (
            {"completion_tokens_details": {"reasoning_tokens": 7}, "total_tokens": 22},
            Usage(input=10, output=5, reasoning=7),
        ),  # xAI
        ({"prompt_tokens_details": {"audio_tokens": 7}, "total_tokens": 22}, Usage(input=10, audio_input=7, output=5)),  # Mistral
        (
            {"completion_tokens_details": {"reasoning_tokens": 9}, "total_tokens": 15},
            Usage(input=10, reasoning=5),
        ),  # more than all
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, Usage(input=10, output=5)),
        ({"queue_time": 1.5, "is_byok": False}, Usage(input=10, output=5)),
    ],
)
def test_other_providers_names_and_habits(members: dict[str, object], expected: Usage):
    """Each names its details differently, and some count them beside the totals."""
    assert read(prompt_tokens=10, completion_tokens=5, **members) == expected


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": "many"},
    ],
)
def test_a_usage_that_says_nothing_possible_is_none(members: dict[str, object]):
    """An answer must not be lost for a wrong count; the ledger estimates then."""
    assert read(**members) is None


@given(usages)
def test_disjoint_classes_survive_the_way_there_and_back(usage: Usage):
    """Rendered and read again nothing changes its class, and the totals add up."""
    shown = render_usage(usage)
    assert shown["total_tokens"] == usage.total == shown["prompt_tokens"] + shown["completion_tokens"]
    assert read_usage(Raw(msgspec.json.encode(shown))) == usage


counts = st.sampled_from([None, None, None, 0, 0, 5, 9, 100, -1])
wires = st.builds(
    UsageWire,
    **dict.fromkeys(["prompt_tokens", "completion_tokens"], st.sampled_from([100, 100, 100, 50, 0, None, -5])),
    **dict.fromkeys(["cached_tokens", "cache_creation_input_tokens", "reasoning_tokens", "cost"], counts),
    total_tokens=st.sampled_from([None, 150, 155, 200]),
    prompt_tokens_details=st.none() | st.builds(PromptDetails, **dict.fromkeys(PromptDetails.__struct_fields__, counts)),
    completion_tokens_details=st.none()
    | st.builds(CompletionDetails, **dict.fromkeys(CompletionDetails.__struct_fields__, counts)),
)


@given(wires)
@example(UsageWire(100, 50))
@example(UsageWire(100, 50, prompt_tokens_details=PromptDetails(100)))
@example(UsageWire(100, 50, cached_tokens=101))
@example(UsageWire(100, 50, 155, reasoning_tokens=5))
@example(UsageWire(100, 50, 150, reasoning_tokens=5))
@example(UsageWire(100, 50, prompt_tokens_details=PromptDetails(-1)))
def test_the_usual_usage_is_read_as_any_other(wire: UsageWire):
    """The short way that nearly every answer takes gives what the long one gives."""
    into, out = wire.prompt_tokens_details or PromptDetails(), wire.completion_tokens_details or CompletionDetails()
    assert parse_usage(wire) == _all_classes(wire, into, out)


@pytest.mark.parametrize(
    ("members", "cost"),
    [
        ({"cost": 0.1, "is_byok": False}, 100_000_000),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, 210_000_000),  # OpenRouter
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600),  # xAI
        ({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.006}}, 6_000_000),  # Perplexity
        ({"cost": 0}, 0),
        ({"cost": -1, "cost_in_usd_ticks": "many"}, 0),
        ({"cost": 1e300}, 0),
        ({"cost": True}, 0),
        ({"cost": [1]}, 0),
    ],
)
def test_what_a_provider_says_it_costs(members: dict[str, object], cost: int):
    """In nano-dollars, whatever unit it is told in; what cannot be is not believed, and never loses the tokens."""
    usage = read(prompt_tokens=10, completion_tokens=5, **members)
    assert usage == (BilledUsage(input=10, output=5, cost=cost) if cost else Usage(input=10, output=5))
    if cost:
        assert render_usage(usage)["cost"] == cost / 10**9

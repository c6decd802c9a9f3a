"""Fingerprints of prompts' beginnings, and what providers' caches are expected to hold."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.prefix import (
    CACHE_SECONDS,
    MARKS,
    MOST_AGAIN,
    PRIOR,
    PrefixIndex,
    fingerprints,
    learn,
    of_parts,
)

LONG = "All of it was said before. " * 400


def chat(*texts, **members):
    messages = [{"role": "user", "content": text} for text in texts]
    return encode({"model": "m", **members, "messages": messages, "stream": True})


def common(one, other):
    return sum(1 for a, b in zip(one, other, strict=False) if a == b)


@given(st.integers(0, 9000), st.lists(st.integers(0, 9000), max_size=5))
def test_fingerprints_do_not_depend_on_how_the_text_is_cut(length, cuts):
    """The same bytes in any parts give the same fingerprints, one for each mark."""
    data = random.Random(length).randbytes(length)
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    parts = [data[start:end] for start, end in pairwise(places)]
    assert of_parts(parts) == of_parts([data])
    assert len(of_parts(parts)) == sum(1 for mark in MARKS if mark <= len(data))


@given(st.integers(3000, 9000), st.integers(0, 8999))
def test_fingerprints_agree_up_to_the_first_difference(length, place):
    """All marks before a changed byte are common, none behind it."""
    data = random.Random(length).randbytes(length)
    place %= length
    other = bytearray(data)
    other[place] ^= 1
    same = sum(1 for mark in MARKS if mark <= place)
    one, two = of_parts([data]), of_parts([bytes(other)])
    assert one[:same] == two[:same]
    assert all(a != b for a, b in zip(one[same:], two[same:], strict=True))


def test_a_conversation_that_goes_on_keeps_its_beginning():
    """The next turn has all fingerprints of the one before, whatever else of the body changed."""
    one = fingerprints(chat(LONG, temperature=1))
    two = fingerprints(chat(LONG, "and then?", temperature=0.5, top_p=1))
    assert len(one) > 8
    assert common(one, two) == len(one)


@pytest.mark.parametrize("members", [{"tools": [{"name": LONG}]}, {"system": LONG}])
def test_what_stands_before_the_messages_counts_first(members):
    """Tools and system prompts lead, wherever they stand in the body, as they do in providers' caches."""
    one, two = fingerprints(chat("one question", **members)), fingerprints(chat("another", **members))
    assert common(one, two) >= len(one) - 1
    assert common(one, fingerprints(chat("one question"))) == 0


@pytest.mark.parametrize("member", ["input", "contents", "prompt"])
def test_every_dialect_has_its_word_for_the_prompt(member):
    """Responses, Gemini and completions are read as well."""
    assert fingerprints(encode({"model": "m", member: LONG}))


@pytest.mark.parametrize("body", [b"", b"{" * 2000, b'"' + b"x" * 2000 + b'"', b"[" + b"1," * 2000 + b"1]", b"\xff" * 2000])
def test_what_is_no_request_has_no_fingerprints(body):
    """Nothing is raised for bytes that are wrong: others tell the caller."""
    assert fingerprints(body) == ()


def test_short_prompts_have_none():
    """No provider caches a few hundred tokens."""
    assert fingerprints(chat("hello")) == ()


def test_what_was_sent_is_expected_until_it_lapses():
    """Tokens in proportion to the common beginning, for the candidates asked about, while the cache lasts."""
    index = PrefixIndex()
    prefix = fingerprints(chat(LONG))
    index.seen("a/m", prefix, 4000, 0.0, seconds=300.0)
    index.seen("b/m", prefix[:4], 4000, 0.0, seconds=900.0)
    expected = index.expected(["a/m", "b/m", "c/m"], prefix, 4000, 299.0)
    assert expected["a/m"] == round(4000 / 1.25**0.5 * PRIOR)
    assert expected["b/m"] == pytest.approx(expected["a/m"] * MARKS[3] / MARKS[len(prefix) - 1], abs=1)
    assert set(expected) == {"a/m", "b/m"}
    assert set(index.expected(["a/m", "b/m"], prefix, 4000, 301.0)) == {"b/m"}
    assert index.expected(["a/m"], fingerprints(chat("x" + LONG)), 4000, 1.0) == {}


def test_use_renews_a_cache():
    """What is used again stays for as long again."""
    index = PrefixIndex()
    prefix = fingerprints(chat(LONG))
    index.seen("a/m", prefix, 4000, 0.0)
    index.seen("a/m", prefix, 4000, 299.0)
    assert index.expected(["a/m"], prefix, 4000, 590.0)


def test_measured_hits_correct_what_is_expected():
    """A provider that never reads from its cache is soon expected to hold nothing; who always does, nearly all."""
    index = PrefixIndex()
    prefix = fingerprints(chat(LONG))
    for turn in range(100):
        index.seen("never/m", prefix, 4000, float(turn), read=0)
        index.seen("always/m", prefix, 4000, float(turn), read=4000)
        index.seen("silent/m", prefix, 4000, float(turn))
    assert index.held("never/m") < 0.02
    assert index.held("always/m") > 0.98
    assert index.held("silent/m") == index.held("unheard-of/m") == PRIOR
    assert index.expected(["never/m"], prefix, 4000, 100.0)["never/m"] < 100


def test_how_often_a_prompt_comes_again_is_learned():
    """Prompts that never come again give nearly nothing, those that always do give the most that is believed."""
    once, often = PrefixIndex(), PrefixIndex()
    for turn in range(200):
        once.seen("a/m", fingerprints(chat(f"{turn} {LONG}")), 4000, float(turn))
        often.seen("a/m", fingerprints(chat(LONG)), 4000, float(turn))
    assert once.again() < 0.1
    assert 5.0 < often.again() <= MOST_AGAIN


def test_the_index_is_bounded():
    """In fingerprints, the unused ones go first; in deployments for each fingerprint, too."""
    index = PrefixIndex(most=100, most_names=4)
    kept = fingerprints(chat(LONG))
    for turn in range(50):
        index.seen("a/m", kept, 4000, 0.0)
        index.seen("a/m", fingerprints(chat(f"{turn} {LONG}")), 4000, 0.0)
    assert len(index) == 100
    assert index.expected(["a/m"], kept, 4000, 1.0)
    for number in range(20):
        index.seen(f"p{number}/m", kept, 4000, 0.0)
    everyone = [f"p{number}/m" for number in range(20)]
    assert set(index.expected(everyone, kept, 4000, 1.0)) == {f"p{number}/m" for number in range(16, 20)}


def test_cache_times_are_of_provider_types_that_there_are():
    """A table that names nobody would be read by nobody."""
    assert set(CACHE_SECONDS) <= set(PROVIDER_TYPES)


@pytest.mark.parametrize(("kind", "read", "held"), [("openai", 0, 0.1), ("vllm", 0, PRIOR), ("vllm", 4000, 0.9)])
def test_usage_teaches_what_a_provider_tells(kind, read, held):
    """Nothing read counts only where the provider would have said so; what was read counts always."""
    index = PrefixIndex()
    prefix = fingerprints(chat(LONG))
    for turn in range(30):
        learn(index, "a/m", kind, prefix, Usage(input=4000 - read, cache_read=read), float(turn))
    assert index.held("a/m") == pytest.approx(held, abs=0.1)
    learn(index, "b/m", kind, prefix, None, 30.0)
    assert set(index.expected(["b/m"], prefix, 4000, 31.0)) == {"b/m"}

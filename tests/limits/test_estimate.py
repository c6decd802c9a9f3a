"""Guesses."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.limits.estimate import Estimates, Learned, ModelFacts, Quantile, _bucket, _top


def test_a_guess_is_the_longest_but_a_tenth():
    """Of answers between 1 and 1000 tokens: 900, to the bucket."""
    drawn = random.Random(1)
    quantile = Quantile(1000)
    for _ in range(2000):
        quantile.add(drawn.randint(1, 1000))
    assert 800 <= quantile.value <= 1100


def test_a_guess_follows_what_is_seen():
    """After long answers short ones: old ones fade, new ones soon tell."""
    quantile = Quantile(1000)
    for _ in range(500):
        quantile.add(4000)
    assert 4000 <= quantile.value <= 4800
    for _ in range(500):
        quantile.add(50)
    assert 50 <= quantile.value <= 60
    quantile.add(4000)
    assert quantile.value <= 60


def test_a_first_answer_tells_at_once():
    """Nothing is averaged with what was only supposed."""
    quantile = Quantile(1000)
    quantile.add(20)
    assert 20 <= quantile.value < 25


def test_answers_without_tokens():
    """Embeddings have none."""
    quantile = Quantile(1000)
    for _ in range(10):
        quantile.add(0)
    assert quantile.value == 0


@given(st.integers(0, 10**9))
def test_buckets_are_narrow(number):
    """What is told for a number is never less, and a quarter more at most."""
    assert number <= _top(_bucket(number)) <= number * 1.25


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=300))
def test_the_histogram_never_goes_wrong(numbers):
    """Its counts fit, and the guess lies within what was seen, to the bucket."""
    quantile = Quantile(7)
    for number in numbers:
        quantile.add(number)
    assert min(numbers) <= quantile.value <= max(numbers) * 1.25 + 1
    assert 0 < quantile._seen < 128


def test_the_length_of_prompts_is_learned():
    """From bytes and reported tokens; what is absurd is not believed."""
    learned = Learned(ModelFacts())
    for _ in range(200):
        learned.saw(1000, 0, 10, 0, 3000)
    assert learned.facts.prompt_bytes == pytest.approx(3.0, abs=0.1)
    learned.saw(100_000, 0, 10, 0, 100)
    learned.saw(40, 0, 10, 0, 1_000_000)
    learned.saw(5, 0, 10, 0, 1000)
    assert learned.facts.prompt_bytes == pytest.approx(3.0, abs=0.1)


def test_the_share_of_caches_is_learned():
    """What prompt caches usually have is not reserved as fresh."""
    learned = Learned(ModelFacts())
    for _ in range(50):
        learned.saw(1000, 800, 10, 0, 0)
    assert learned.cached == pytest.approx(0.8, abs=0.01)


def test_costs_rise_quickly_and_fall_slowly():
    """Where tokens have no price, a request is expected to cost about what the dear ones did."""
    learned = Learned(ModelFacts())
    for cost in (100, 100, 900, 100):
        learned.saw(0, 0, 0, cost, 0)
    assert 400 < learned.cost < 900


def test_streams_tell_how_long_they_are():
    """Bytes for each token; very short ones do not tell."""
    facts = ModelFacts()
    for _ in range(200):
        facts.streamed(50_000, 100)
    facts.streamed(10, 2)
    assert facts.stream_bytes == pytest.approx(500, rel=0.05)


def test_what_is_remembered_is_bounded():
    """Pairs that are used stay, others go; the same pair is the same object while it is known."""
    estimates = Estimates(most=10)
    kept = estimates.of("a", "m")
    for number in range(100):
        estimates.of(f"c{number}", "m")
        assert estimates.of("a", "m") is kept
    assert len(estimates._known) + len(estimates._before) <= 10
    assert estimates.of("a", "m").facts is estimates.of("b", "m").facts

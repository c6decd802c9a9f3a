"""What a key may use."""

from __future__ import annotations

import pytest

from llm_gateway.core.caller import Caller, Names


@pytest.mark.parametrize(
    ("models", "model", "allowed"),
    [
        (["*"], "anything/at/all", True),
        (["fast"], "fast", True),
        (["fast"], "faster", False),
        (["fast"], "openai/fast", False),
        (["openai/*"], "openai/gpt-4o", True),
        (["openai/*"], "openai/org/model", True),
        (["openai/*"], "xopenai/gpt-4o", False),
        (["openai/*"], "openai/gpt\n-4o", True),
        (["gpt-?"], "gpt-4", True),
        (["gpt-?"], "gpt-4o", False),
        (["a[12]"], "a1", True),
        (["a[12]"], "a3", False),
        (["a[12]"], "a[12]", True),
        (["a.c"], "abc", False),
        (["x", "y/*"], "y/1", True),
        ([], "fast", False),
    ],
)
def test_models_are_names_and_globs(models, model, allowed):
    """An exact name, or a glob over the whole name; nothing else."""
    assert Caller("k", models).allows(model) is allowed


def test_all_models_is_known_ahead():
    """A lone star needs no matching; a star inside of a pattern is not all."""
    assert Caller("k").all_models
    assert not Caller("k", ["openai/*"]).all_models


def test_several_sets_of_names_must_all_allow():
    """A key's models, its project's and its tenant's."""
    caller = Caller("k", (Names(["openai/*", "fast"]), Names(["openai/gpt-*", "slow"])))
    assert caller.allows("openai/gpt-5")
    assert not any(map(caller.allows, ("openai/o3", "fast", "slow")))
    assert Caller("k", (Names(["*"]), Names(["*"]))).all_models


def test_an_id_owns_unless_another_one_does():
    """The name is the id where nothing else is said; what a rotated key owns is its first one's."""
    plain, rotated = Caller("k"), Caller("k", key_id="key_2", owner="key_1")
    assert (plain.key_id, plain.owner) == ("k", "k")
    assert (rotated.key_name, rotated.key_id, rotated.owner) == ("k", "key_2", "key_1")

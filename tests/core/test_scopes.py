"""What a key may do at all."""

from __future__ import annotations

import pytest

from llm_gateway.core.scopes import ADMIN, ASKING, DATA, EVERY, MOST, OF_KIND, READING, granted, known


def test_what_is_usual_for_a_kind_is_one_and_the_same_set():
    """The hot path asks whether it `is` DATA, not whether it equals it."""
    assert granted("gateway", None) is DATA
    assert all(granted(kind, None) is OF_KIND[kind] for kind in OF_KIND)


@pytest.mark.parametrize("kind", sorted(OF_KIND))
def test_nothing_said_makes_a_kind_more_than_it_is(kind):
    """`*` is everything that its kind can have, and no more; what is usual is possible."""
    assert granted(kind, ["*"]) == MOST[kind]
    assert OF_KIND[kind] <= MOST[kind] <= EVERY


def test_kinds():
    """A readonly key asks no model and changes nothing, a gateway key does not administrate, an admin key asks no model unless
    that is said.
    """
    assert granted("readonly", ["*"]).isdisjoint(ASKING | ADMIN)
    assert granted("gateway", ["*"]).isdisjoint(ADMIN)
    assert granted("admin", None) == READING | ADMIN
    assert granted("admin", ["chat:create"]) == {"chat:create"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("chat:create", True),
        ("files:*", True),
        ("*:read", True),
        ("*", True),
        ("chat", False),
        ("chat:delete", False),
        ("", False),
    ],
)
def test_known(pattern, found):
    """A scope that there is not can only be a mistake."""
    assert known(pattern) is found

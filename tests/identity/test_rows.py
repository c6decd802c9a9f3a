"""What a directory is made from."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.schema import ApiKey
from llm_gateway.config.schema.limits import Allowance, Rate
from llm_gateway.config.values import Money, Secret
from llm_gateway.identity.rows import UNLIMITED, Grant, brief, full, grant_of, keys_of, read, written

RATES = st.none() | st.builds(Rate, *[st.none() | st.integers(1, 10**15)] * 4)
ALLOWANCES = st.builds(Allowance, *[RATES] * 5, *[st.none() | st.integers(1, 10**15)] * 2)


@given(ALLOWANCES)
def test_limits_come_back(allowance):
    """As they were, in a few bytes."""
    assert full(msgspec.msgpack.decode(msgspec.msgpack.encode(brief(allowance)))) == allowance
    assert brief(Allowance()) == brief(UNLIMITED) == []


@pytest.mark.parametrize("said", [[None] * 8, [[1, 2, 3, 4, 5]]])
def test_limits_of_another_version(said):
    """What has more than there is to say cannot be read."""
    with pytest.raises(ValueError, match="limits"):
        full(said)


def test_each_field_of_a_key_of_the_file_is_in_its_grant():
    """A field that is added to auth.keys and forgotten here would be accepted and ignored."""
    own = {"name", "key", "key_hash", "tenant", "project", "disabled", "expires"}
    assert set(ApiKey.__struct_fields__) - own == set(Grant.__struct_fields__) - {"roles"}
    said = ApiKey(name="k", scopes=("chat:create",), tier="pro", metadata_in_body=True, limits=Allowance(streams=1))
    grant = grant_of(said)
    assert all(getattr(grant, name) == getattr(said, name) for name in set(ApiKey.__struct_fields__) - own)


def test_keys_of_the_file():
    """Disabled ones are none; a hash is taken as it is; errors can name the place."""
    keys = (
        ApiKey(name="a", key=Secret("sk-a")),
        ApiKey(name="b", key=Secret("sk-b"), disabled=True),
        ApiKey(name="c", key_hash="AB" * 32, tenant="t"),
    )
    made = list(keys_of(keys, lambda key: b"<%b>" % key))
    assert [(key.id, key.name, key.digest, key.tenant, key.origin) for key in made] == [
        ("a", "a", b"<sk-a>", "", "auth.keys[0]"),
        ("c", "c", b"\xab" * 32, "t", "auth.keys[2]"),
    ]


def test_values_of_the_configuration_go_there_and_back():
    """Money and secrets; anything else is a mistake of ours, or of the bytes."""
    assert read(Money, written(Money(5))) == Money(5)
    assert read(Secret, written(Secret("x"))).reveal() == "x"
    with pytest.raises(TypeError):
        written(object())
    for kind, value in ((Money, "5"), (Secret, 5), (dict, {})):
        with pytest.raises(ValueError, match=kind.__name__):
            read(kind, value)

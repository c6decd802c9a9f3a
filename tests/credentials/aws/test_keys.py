"""AWS keys as their sources give them."""

from __future__ import annotations

import msgspec
import pytest

from credentials.support import SECRETS, at, shows_no_secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.aws.keys import KeysAnswer, credentials, fixed, from_environment
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

CLOCK = FakeClock()


def read(**document: object):
    return msgspec.json.decode(msgspec.json.encode(document), type=KeysAnswer).fetched("it", CLOCK.now())


def test_both_names_of_the_session_token():
    """Containers and instances say Token, processes say SessionToken; a key of a user has none and does not expire."""
    base = {"AccessKeyId": "AKID", "SecretAccessKey": "s"}
    for name in ("Token", "SessionToken"):
        fetched = read(**base, **{name: "t"}, Expiration=at(CLOCK, 900))
        assert (fetched.value, fetched.lifetime) == (Credentials("AKID", "s", "t"), 900)
    assert read(**base).lifetime is None
    assert read(**base, Token="").value.session_token is None


def test_keys_that_cannot_be_sent():
    """Refused when they come, named by their source only."""
    for bad in (("", "s", None), ("AKID", "", None), ("AK\r\nID", "s", None), ("AKID", "s", "t\n"), ("AKID", "é", None)):
        with pytest.raises(Unavailable, match="the source gave keys that cannot be used"):
            credentials(*bad, "the source")


def test_an_expiry_that_makes_no_sense():
    """It is not guessed at."""
    with pytest.raises(Unavailable, match="no moment"):
        read(AccessKeyId="A", SecretAccessKey="s", Expiration="tomorrow")


def test_the_environment():
    """Two variables, or three; half a pair is none."""
    pair = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
    assert from_environment(Means(pair, Http(), CLOCK)) == Credentials("AKID", "s")
    assert from_environment(Means({**pair, "AWS_SESSION_TOKEN": "t"}, Http(), CLOCK)) == Credentials("AKID", "s", "t")
    assert from_environment(Means({"AWS_ACCESS_KEY_ID": "AKID"}, Http(), CLOCK)) is None
    assert from_environment(Means({**pair, "AWS_SECRET_ACCESS_KEY": " "}, Http(), CLOCK)) is None


def test_fixed_keys_do_not_expire():
    """A source like the others."""

    async def test() -> None:
        fetched = await fixed(Credentials("A", "s"))()
        assert (fetched.value.access_key, fetched.lifetime) == ("A", None)

    run(test)


def test_nothing_shows():
    """No secret in any repr."""
    shows_no_secret(KeysAnswer("A", SECRETS[0], SECRETS[1]), Credentials("A", SECRETS[0], SECRETS[1]))

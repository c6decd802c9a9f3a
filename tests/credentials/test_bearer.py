"""Tokens of OAuth endpoints: their lifetime, and those that cannot be used."""

from __future__ import annotations

import msgspec
import pytest

from credentials.support import SECRETS, shows_no_secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.bearer import BearerAuthorizer, TokenAnswer, bearer_lines, refused, token_of, until
from llm_gateway.credentials.fetch import Answer
from llm_gateway.credentials.refreshing import Fetched, Refreshing, Unavailable
from llm_gateway.http.origin import Origin
from serving import run

NOW = 1_700_000_000.0


def answered(document: object, status: int = 200) -> Answer:
    return Answer(status, {}, msgspec.json.encode(document))


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": 12.5}, 12.5),
        ({"expires_in": 10**12}, 604_800),
        ({"expires_on": "1700000060"}, 60),
        ({"expires_on": 1699999990}, -10),
        ({"expires_in": -1}, -1),
        ({}, 300),
    ],
)
def test_how_long_a_token_lives(said, lifetime):
    """A duration or a moment, numbers or text (Azure); a week at most, five minutes when nothing is said."""
    fetched = token_of(answered({"access_token": "t", **said}), "it", NOW)
    assert (fetched.value, fetched.lifetime) == ("t", lifetime)


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "é"},
        {"access_token": "x" * 40_000},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": "nan"},
        {"access_token": "t", "expires_on": "NaN"},
        {"access_token": "t", "expires_in": []},
        {"token": "t"},
        [],
    ],
)
def test_tokens_that_cannot_be_used(document):
    """Refused when they come, not when a request is sent."""
    with pytest.raises(Unavailable):
        token_of(answered(document), "it", NOW)


def test_a_refusal_names_its_code_and_the_way_out():
    """Not its description, which can quote what was sent."""
    answer = answered({"error": "invalid_client", "error_description": SECRETS[2]}, 401)
    with pytest.raises(Unavailable) as caught:
        token_of(answer, "the endpoint", NOW, "look at the secret")
    assert str(caught.value) == "the endpoint answered 401 (invalid_client); look at the secret"
    assert str(refused(Answer(404, {}, b""), "it")) == "it answered 404"


def test_moments():
    """RFC 3339 with a zone; a moment without one could be anywhere."""
    assert until("2023-11-14T22:14:20Z", "it", NOW) == 60
    assert until("2023-11-14T23:14:20+01:00", "it", NOW) == 60
    for bad in ("2023-11-14T22:14:20", "soon", "", "99999-01-01T00:00:00Z"):
        with pytest.raises(Unavailable, match="no moment"):
            until(bad, "it", NOW)


def test_an_answer_does_not_show_its_token():
    """Neither the struct nor an error about it."""
    shows_no_secret(TokenAnswer(SECRETS[1]))


def test_the_authorizer_gives_what_is_held():
    """The same lines for each request; None while there is nothing."""

    async def test() -> None:
        async def fetch() -> Fetched[bytes]:
            return Fetched(bearer_lines("t", "it"), 60)

        authorizer = BearerAuthorizer(Refreshing(fetch, FakeClock(), lambda: 0.0, lambda *_a, **_k: None))
        origin = Origin("https", "example.com", 443)
        assert authorizer.lines(b"POST", origin, b"/", b"") is None
        await authorizer.ready(1)
        assert authorizer.lines(b"POST", origin, b"/", b"{}") == b"Authorization: Bearer t\r\n"
        authorizer.stale()
        await authorizer.close()

    run(test)

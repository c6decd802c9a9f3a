"""Acting as a service account, and the lines that carry a token."""

from __future__ import annotations

import pytest

from credentials.support import SECRETS, at, cloud, means, said, shows_no_secret
from llm_gateway.credentials.google.token import impersonated, impersonation_url, lines_of
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from serving import run


async def base() -> Fetched[str]:
    return Fetched("base-token", 60)


def test_a_service_account_is_impersonated():
    """With the base's token; scopes, lifetime and delegates are in the body, as IAM's reference has it."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/x:generateAccessToken", said({"accessToken": SECRETS[1], "expireTime": at(m.clock, 1800)}))
            source = impersonated(m, base, f"{c.url}/x:generateAccessToken", ("a", "b"), ("d",), 1800)
            fetched = await source()
            assert (fetched.value, fetched.lifetime) == (SECRETS[1], 1800)
            assert c.seen[0].headers["authorization"] == "Bearer base-token"
            assert c.seen[0].json == {"scope": ["a", "b"], "lifetime": "1800s", "delegates": ["d"]}

    run(test)


def test_it_may_be_refused():
    """The text names the role that is missing."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/x", said({"error": {"status": "PERMISSION_DENIED", "message": SECRETS[1]}}, 403))
            with pytest.raises(Unavailable, match=r"403 \(PERMISSION_DENIED\).*Token Creator") as caught:
                await impersonated(m, base, f"{c.url}/x", ("a",))()
            shows_no_secret(caught.value)
            c.answer("/x", said({"accessToken": "t"}))
            with pytest.raises(Unavailable, match="not the expected JSON"):
                await impersonated(m, base, f"{c.url}/x", ("a",))()

    run(test)


def test_the_public_address():
    """The account's e-mail is a part of the path."""
    url = impersonation_url("a@p.iam.gserviceaccount.com")
    assert url.endswith("/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken")


def test_lines():
    """The token, and who pays if that is said."""

    async def test() -> None:
        assert (await lines_of(base, None)()).value == b"Authorization: Bearer base-token\r\n"
        fetched = await lines_of(base, "my-project")()
        assert fetched.value == b"Authorization: Bearer base-token\r\nX-Goog-User-Project: my-project\r\n"
        for bad in ("a\r\nX: 1", "é"):
            with pytest.raises(Unavailable, match="quota project"):
                await lines_of(base, bad)()

    run(test)

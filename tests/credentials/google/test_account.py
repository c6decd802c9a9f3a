"""Service account keys and a person's refresh token, compared with google-auth."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from credentials.keys import pem, read
from credentials.support import SECRETS, cloud, means, said, shows_no_secret, token
from llm_gateway.credentials.google.account import AuthorizedUser, ServiceAccount, authorized_user, service_account
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

EMAIL = "me@project.iam.gserviceaccount.com"


def test_an_assertion_for_a_token():
    """RFC 7523: who asks, for what, of whom, for an hour; signed with the key that the file names."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/token", token())
            account = ServiceAccount(EMAIL, pem().decode(), "key-1", f"{c.url}/token")
            fetched = await service_account(m, account, ("scope-a", "scope-b"))()
            assert (fetched.value, fetched.lifetime) == (f"{SECRETS[1]}-one", 3600)
            form = c.seen[0].form
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            header, claims = read(form["assertion"])
            now = int(m.clock.now())
            assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
            assert claims == {"iss": EMAIL, "scope": "scope-a scope-b", "aud": account.token_uri, "iat": now, "exp": now + 3600}

    run(test)


def test_google_auth_says_the_same():
    """The same claims and form as Google's own library makes."""
    library = pytest.importorskip("google.oauth2.service_account")
    made = []

    class Response:
        status = 200
        headers = ()
        data = b'{"access_token": "t", "expires_in": 3600}'

    def ask(url, method, headers, body, **_):
        made.append((url, headers, parse_qs(body.decode())))
        return Response()

    info = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": pem().decode(),
        "private_key_id": "key-1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    library.Credentials.from_service_account_info(info, scopes=["scope-a", "scope-b"]).refresh(ask)
    url, headers, form = made[0]
    theirs_header, theirs = read(form["assertion"][0])
    assert theirs_header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert theirs["exp"] - theirs["iat"] == 3600
    assert set(theirs) == {"iss", "scope", "aud", "iat", "exp"}
    assert (theirs["iss"], theirs["scope"], theirs["aud"]) == (EMAIL, "scope-a scope-b", url)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_refresh_token():
    """A person's credentials, as gcloud leaves them."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/token", token())
            user = AuthorizedUser("id", SECRETS[2], f"{SECRETS[1]}-refresh", f"{c.url}/token")
            assert (await authorized_user(m, user)()).lifetime == 3600
            assert c.seen[0].form == {
                "grant_type": "refresh_token",
                "client_id": "id",
                "client_secret": SECRETS[2],
                "refresh_token": f"{SECRETS[1]}-refresh",
            }
            c.answer("/token", said({"error": "invalid_grant", "error_description": SECRETS[1]}, 400))
            with pytest.raises(Unavailable, match=r"400 \(invalid_grant\); log in again") as caught:
                await authorized_user(m, user)()
            shows_no_secret(caught.value, user)

    run(test)


def test_a_key_that_is_none():
    """Nothing is sent, and the key is not shown."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            account = ServiceAccount(EMAIL, SECRETS[0], "key-1", f"{c.url}/token")
            with pytest.raises(Unavailable, match="the service account's file holds no private key") as caught:
                await service_account(m, account, ("a",))()
            shows_no_secret(caught.value, account)
            assert c.seen == []

    run(test)


def test_secrets_do_not_go_over_plain_http():
    """A token_uri of another host must be HTTPS."""

    async def test() -> None:
        async with means() as m:
            account = ServiceAccount(EMAIL, pem().decode(), "", "http://tokens.example/token")
            with pytest.raises(Unavailable, match="must begin with https://"):
                await service_account(m, account, ("a",))()

    run(test)

"""Which kind of credentials file it is."""

from __future__ import annotations

import msgspec
import pytest

from credentials.keys import pem
from credentials.support import SECRETS, at, cloud, means, said, shows_no_secret, token
from llm_gateway.credentials.google.document import quota_project_in, source_in
from llm_gateway.credentials.refreshing import Unavailable
from serving import run


def test_each_type(tmp_path):
    """Leads to a token in its own way; one that acts as another leads there through it."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/token", token())
            c.answer("/sa", said({"accessToken": "as-other", "expireTime": at(m.clock, 60)}))
            (tmp_path / "t").write_text("a.b.c")
            key = {"type": "service_account", "client_email": "e", "private_key": pem().decode(), "token_uri": f"{c.url}/token"}
            user = {
                "type": "authorized_user",
                "client_id": "i",
                "client_secret": "s",
                "refresh_token": "r",
                "token_uri": f"{c.url}/token",
            }
            external = {
                "type": "external_account",
                "audience": "a",
                "subject_token_type": "t",
                "token_url": f"{c.url}/token",
                "credential_source": {"file": str(tmp_path / "t")},
            }
            other = {
                "type": "impersonated_service_account",
                "source_credentials": user,
                "service_account_impersonation_url": f"{c.url}/sa",
                "delegates": [],
            }
            found = [(await source_in(m, msgspec.json.encode(one), ("a",), "it")()).value for one in (key, user, external, other)]
            assert found == [f"{SECRETS[1]}-one"] * 3 + ["as-other"]

    run(test)


def test_who_pays():
    """The file may name a project."""
    assert quota_project_in(b'{"type": "x", "quota_project_id": "p"}', "it") == "p"
    assert quota_project_in(b'{"type": "x"}', "it") is None


@pytest.mark.parametrize(
    ("document", "match"),
    [
        (b"SECRET-KEY-0123", "the file is not JSON"),
        (b'["SECRET-KEY-0123"]', "is not a credentials file of Google Cloud"),
        (b"{}", "it has no type"),
        (b'{"type": "service_account", "private_key": "SECRET-KEY-0123"}', "it has no client_email"),
        (b'{"type": "service_account", "client_email": "e", "private_key": 5}', "a field has the wrong type"),
        (b'{"type": "SECRET-KEY-0123"}', "of a type that is not supported"),
        (b'{"type": "external_account_authorized_user"}', "of a type that is not supported"),
    ],
)
def test_files_that_are_none(document, match):
    """What is missing is named; nothing that is there."""

    async def test() -> None:
        async with means() as m:
            with pytest.raises(Unavailable, match=match) as caught:
                source_in(m, document, ("a",), "the file")
            shows_no_secret(caught.value)

    run(test)


def test_impersonation_has_an_end():
    """Files inside files, as deep as somebody likes to write them."""

    async def test() -> None:
        document = b"{}"
        for _ in range(5):
            document = (
                b'{"type": "impersonated_service_account", "service_account_impersonation_url": "u", "source_credentials": %b}'
                % document
            )
        async with means() as m:
            with pytest.raises(Unavailable, match="not supported"):
                source_in(m, document, ("a",), "it")

    run(test)

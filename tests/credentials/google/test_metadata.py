"""Google's metadata server."""

from __future__ import annotations

import pytest

from credentials.support import SECRETS, cloud, means, said, shows_no_secret, token
from llm_gateway.credentials.google.metadata import metadata
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
FLAVOR = b"Metadata-Flavor: Google\r\n"


def google(reply: tuple[int, bytes, bytes]) -> tuple[int, bytes, bytes]:
    return reply[0], reply[1] + FLAVOR, reply[2]


def test_a_token_of_this_machine():
    """Asked with its header and the scopes."""

    async def test() -> None:
        async with cloud() as c, means({"GCE_METADATA_HOST": c.url.removeprefix("http://")}) as m:
            c.answer(PATH, google(token(seconds=1200)))
            fetched = await metadata(m, ("a", "b"))()
            assert (fetched.value, fetched.lifetime) == (f"{SECRETS[1]}-one", 1200)
            assert c.seen[0].headers["metadata-flavor"] == "Google"
            assert c.seen[0].query == {"scopes": "a,b"}

    run(test)


def test_someone_else_at_its_address():
    """A captive portal, a proxy: without the header of Google's its answer is not believed."""

    async def test() -> None:
        async with cloud() as c, means({"GCE_METADATA_HOST": c.url.removeprefix("http://")}) as m:
            c.answer(PATH, token())
            with pytest.raises(Unavailable, match="is not Google's"):
                await metadata(m, ("a",))()
            c.answer(PATH, google(said({"error": SECRETS[1]}, 404)))
            with pytest.raises(Unavailable, match="has no service account") as caught:
                await metadata(m, ("a",))()
            shows_no_secret(caught.value)
            c.answer(PATH, google((200, b"", b"<html>")))
            with pytest.raises(Unavailable, match="not the expected JSON"):
                await metadata(m, ("a",))()

    run(test)


def test_it_can_be_switched_off():
    """As Google's own libraries have it."""

    async def test() -> None:
        async with means({"NO_GCE_CHECK": "true"}) as m:
            with pytest.raises(Unavailable, match="switched off by NO_GCE_CHECK"):
                await metadata(m, ("a",))()

    run(test)

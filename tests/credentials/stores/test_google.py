"""Google Secret Manager: names, checksums."""

from __future__ import annotations

import msgspec
import pytest

from credentials.stores.support import opened, run, told
from fakes.secret_stores import FakeGoogle, running
from llm_gateway.config.schema import Secrets
from llm_gateway.config.schema.secrets import GoogleStore
from llm_gateway.config.values import SecretText
from llm_gateway.credentials.stores.google import _public, crc32c

NAME = "projects/p/secrets/s/versions/latest"


def said(url: str) -> Secrets:
    document = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "token_uri": f"{url}/token",
    }
    return Secrets(google=GoogleStore(endpoint=url, credentials_json=SecretText(msgspec.json.encode(document).decode())))


def test_a_secret_is_read() -> None:
    """With the account's token, which is fetched once; its checksum is that of its bytes."""

    async def main() -> None:
        async with running(FakeGoogle(secrets={NAME: b"value\n"}, checksum=str(crc32c(b"value\n")))) as google:
            async with opened("gcp-sm", said(google.url)) as store:
                for _ in range(2):
                    assert (await store.fetch(NAME)).value.value("") == "value"
            assert google.asked_for("/token") == 1

    run(main())


def test_damage_and_absence_are_told() -> None:
    """A checksum of other bytes, a secret that is not there, one that is no text."""

    async def main() -> None:
        fake = FakeGoogle(secrets={NAME: b"value"}, checksum="1")
        async with running(fake) as google, opened("gcp-sm", said(google.url)) as store:
            assert "damaged" in await told(store.fetch(NAME))
            assert "NOT_FOUND" in await told(store.fetch(NAME.replace("/s/", "/t/")))
            google.secrets[NAME] = b"\xff"
            assert "not text" in await told(store.fetch(NAME))

    run(main())


@pytest.mark.parametrize(("data", "crc"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)])
def test_the_checksum(data: bytes, crc: int) -> None:
    """The examples of RFC 3720 appendix B.4, and the usual check value."""
    assert crc32c(data) == crc


def test_regional_secrets_have_their_own_address() -> None:
    """By their location."""
    assert (
        _public("projects/p/locations/europe-west4/secrets/s/versions/1")
        == "https://secretmanager.europe-west4.rep.googleapis.com"
    )
    assert _public(NAME) == "https://secretmanager.googleapis.com"

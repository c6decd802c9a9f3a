"""The authorizers of a configuration: which are made, which are kept, and what is refused ahead of time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from credentials.keys import pem
from credentials.support import SECRETS, Lines, cloud, shows_no_secret, token, turns
from llm_gateway.config.schema import Aws, Entra, Google, Options, Provider
from llm_gateway.config.values import Secret, SecretText
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.aws.authorizer import SigV4Authorizer
from llm_gateway.credentials.bearer import BearerAuthorizer
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.registry import Authorizers, Unusable, Wanted, wanted_by
from llm_gateway.http.origin import Origin
from serving import run, until

AWS, ENTRA, GOOGLE = frozenset({"aws"}), frozenset({"entra"}), frozenset({"google"})
REGION = {"AWS_REGION": "eu-central-1"}
ORIGIN = Origin("https", "example.com", 443)


def provider(**said: Any) -> Provider:
    return Provider(type="x", **said)


def empty() -> Authorizers:
    return Authorizers(FakeClock(), Lines(), lambda: 0.0)


def entra(url: str, secret: str = SECRETS[2]) -> Wanted:
    return Wanted(Entra(tenant_id="t", client_id="c", client_secret=Secret(secret), authority=url))


def test_what_a_provider_needs():
    """A key goes without, wherever it comes from; a section that is written wins over the environment's key."""
    said = provider(options=Options(aws=Aws(profile="p")))
    assert wanted_by(provider(), frozenset(), None, {}) is None
    assert wanted_by(provider(api_key=Secret("k")), AWS, "k", REGION) is None
    assert wanted_by(provider(), AWS, "from-the-environment", REGION) is None
    assert wanted_by(said, AWS, "from-the-environment", REGION) == Wanted(Aws(profile="p"), "eu-central-1")
    assert wanted_by(provider(), AWS, None, REGION) == Wanted(Aws(), "eu-central-1")
    assert wanted_by(provider(region="us-east-1"), AWS, None, REGION) == Wanted(Aws(), "us-east-1")
    assert wanted_by(provider(), ENTRA, None, {}) == Wanted(Entra())
    assert wanted_by(provider(), GOOGLE, None, {}) == Wanted(Google())


def test_a_header_of_ones_own():
    """Whoever brings Authorization himself is left alone."""
    assert wanted_by(provider(headers={"authorization": Secret("x")}), ENTRA, None, {}) is None
    assert wanted_by(provider(headers={"x-other": Secret("x")}), ENTRA, None, {}) is not None


def test_contradictions():
    """A key and a section; no region, or one that is none."""
    both = provider(api_key=Secret("k"), options=Options(aws=Aws()))
    for made, environ, match in [
        (both, REGION, "aws contradicts api_key"),
        (
            provider(headers={"Authorization": Secret("x")}, options=Options(aws=Aws())),
            REGION,
            "contradicts headers.Authorization",
        ),
        (provider(), {}, "needs region, or AWS_REGION"),
        (provider(region="eu/x"), {}, "not the name of a region"),
    ]:
        with pytest.raises(Unavailable, match=match):
            wanted_by(made, AWS, None, environ)


def test_a_reload_keeps_what_did_not_change():
    """The same settings, the same authorizer and its token; others are made anew, and closed when they are gone."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/t/oauth2/v2.0/token", token())
            first = empty().beside({"a": entra(c.url), "b": entra(c.url)}, {"AZURE_X": "1", "OTHER": "1"})
            first.start()
            await first.by_name["a"].ready(1)
            await first.by_name["b"].ready(1)
            asked = len(c.seen)
            second = first.beside({"a": entra(c.url), "b": entra(c.url, "another")}, {"AZURE_X": "1", "OTHER": "2"})
            await first.retire(keeping=second)
            assert second.by_name["a"] is first.by_name["a"]
            assert second.by_name["b"] is not first.by_name["b"]
            second.by_name["a"].stale()
            await until(lambda: len(c.seen) == asked + 1)  # what was kept goes on
            assert first.by_name["b"].lines(b"POST", ORIGIN, b"/", b"") is not None  # for requests that are still under way
            second.start()
            await second.by_name["b"].ready(1)
            assert len(c.seen) == asked + 2
            third = second.beside({"a": entra(c.url)}, {"AZURE_X": "2"})
            assert third.by_name["a"] is not second.by_name["a"]
            for one in (third, second):
                await one.close()

    run(test)


def test_nothing_is_fetched_before_it_is_started():
    """Checking a configuration asks nobody; starting asks at once, without waiting for it."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/t/oauth2/v2.0/token", token())
            made = empty().beside({"a": entra(c.url)}, {})
            await turns()
            assert c.seen == []
            made.start()
            await made.by_name["a"].ready(1)
            assert len(c.seen) == 1
            await made.close()

    run(test)


def test_kinds():
    """AWS signs, the others send a token."""
    made = empty().beside({"a": Wanted(Aws(), "eu-central-1"), "g": Wanted(Google()), "e": Wanted(Entra())}, {})
    kinds = {name: type(one) for name, one in made.by_name.items()}
    assert kinds == {"a": SigV4Authorizer, "g": BearerAuthorizer, "e": BearerAuthorizer}


def test_files_are_looked_at_ahead_of_time(tmp_path: Path):
    """What is missing or of no use is told with the provider's name and the key, when the configuration is loaded."""
    gone = str(tmp_path / "gone")
    half = tmp_path / "half.json"
    half.write_text(f'{{"type": "service_account", "private_key": "{SECRETS[0]}"}}')
    whole = tmp_path / "whole.json"
    whole.write_text('{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}')
    ids = {"tenant_id": "t", "client_id": "c"}
    for said, match in [
        (Aws(role_arn="r", web_identity_token_file=gone), "mine: aws.web_identity_token_file cannot be read: No such file"),
        (Google(credentials_file=gone), "mine: google.credentials_file cannot be read"),
        (Google(credentials_file=str(half)), "mine: google.credentials_file is not a credentials file .* no client_email"),
        (Google(credentials_json=SecretText("{}")), "mine: google.credentials_json is not a credentials file"),
        (Entra(**ids, certificate_file=gone), "mine: entra.certificate_file cannot be read"),
        (Entra(**ids, federated_token_file=gone), "mine: entra.federated_token_file cannot be read"),
        (Entra(client_secret=Secret(SECRETS[2])), "mine: entra needs tenant_id and client_id"),
        (Aws(access_key_id="A B", secret_access_key=Secret(SECRETS[0])), "mine: aws.access_key_id gave keys that cannot be used"),
    ]:
        with pytest.raises(Unusable, match=match) as caught:
            empty().beside({"mine": Wanted(said, "eu-central-1")}, {})
        shows_no_secret(caught.value)
    key = tmp_path / "key.pem"
    key.write_bytes(pem())
    good = [Google(credentials_file=str(whole)), Entra(**ids, certificate_file=str(key))]
    for said in good:
        assert empty().beside({"mine": Wanted(said)}, {}).by_name


def test_nothing_shows():
    """Neither in the authorizers nor in what they were made from."""
    wanted = entra("https://example.com")
    made = empty().beside({"a": wanted}, {"AZURE_CLIENT_SECRET": SECRETS[2]})
    shows_no_secret(made, wanted, made.by_name["a"], made.by_name["a"].__dict__, made.__dict__)

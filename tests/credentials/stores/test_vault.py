"""Vault: paths, ways to sign in, renewing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from credentials.stores.support import opened, run, told
from fakes.secret_stores import FakeVault, running
from llm_gateway.config.schema import Secrets
from llm_gateway.config.schema.secrets import VaultAppRole, VaultKubernetes, VaultStore
from llm_gateway.config.values import Secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.refreshing import Unavailable

TOKEN = Secret("root-token")


def said(url: str, **fields: Any) -> Secrets:
    return Secrets(vault=VaultStore(address=url, **fields))


@pytest.mark.parametrize(
    ("mount", "path"),
    [(None, "secret/app"), (None, "secret/data/app"), ("team/kv", "team/kv/app"), ("secret", "secret/data/app")],
)
def test_a_secret_is_read(mount: str | None, path: str) -> None:
    """With or without data/ in its path, under any mount; numbers and objects become text."""

    async def main() -> None:
        async with running(FakeVault()) as vault:
            vault.secrets[f"{mount or 'secret'}/data/app"] = {"key": "value", "port": 5432, "more": {"a": 1}}
            async with opened("vault", said(vault.url, token=TOKEN, mount=mount)) as store:
                fetched = await store.fetch(path)
            assert [fetched.value.value(key) for key in ("key", "port", "more")] == ["value", "5432", '{"a":1}']
            assert fetched.lifetime is None
            assert "value" not in repr(fetched)

    run(main())


def test_namespace_and_environment() -> None:
    """VAULT_ADDR, VAULT_TOKEN and VAULT_NAMESPACE stand in for what the section does not say."""

    async def main() -> None:
        async with running(FakeVault(namespace="team")) as vault:
            vault.secrets["secret/data/app"] = {"key": "value"}
            environ = {"VAULT_ADDR": vault.url, "VAULT_TOKEN": "root-token", "VAULT_NAMESPACE": "team"}
            async with opened("vault", Secrets(), environ) as store:
                assert (await store.fetch("secret/app")).value.value("key") == "value"

    run(main())


def test_without_an_address_or_a_token_it_says_so() -> None:
    """And names the keys that are missing."""

    async def main() -> None:
        with pytest.raises(Unavailable, match=r"secrets\.vault\.address"):
            async with opened("vault", Secrets()):
                pass
        async with running(FakeVault()) as vault, opened("vault", said(vault.url)) as store:
            assert "secrets.vault.token" in await told(store.fetch("secret/app"))

    run(main())


def test_signing_in_as_an_application_and_as_a_pod(tmp_path: Path) -> None:
    """AppRole and Kubernetes, at mounts of any name."""
    jwt = tmp_path / "token"
    jwt.write_text("pod-jwt\n")

    async def main() -> None:
        async with running(FakeVault(roles={"app": "app-secret", "pod": "pod-jwt"})) as vault:
            vault.secrets["secret/data/app"] = {"key": "value"}
            ways: tuple[dict[str, Any], ...] = (
                {"approle": VaultAppRole("app", Secret("app-secret"), "apps")},
                {"kubernetes": VaultKubernetes("pod", "k8s", str(jwt))},
            )
            for way in ways:
                async with opened("vault", said(vault.url, **way)) as store:
                    fetched = await store.fetch("secret/app")
                    assert fetched.value.value("key") == "value"
                    assert fetched.lifetime == pytest.approx(vault.lease)
            assert [asked.path for asked in vault.seen if "login" in asked.path] == ["/v1/auth/apps/login", "/v1/auth/k8s/login"]

    run(main())


def test_a_token_is_renewed_before_it_ends() -> None:
    """At two thirds of its life, by renewing; a token that somebody else made is asked for its life first."""

    async def main() -> None:
        clock = FakeClock()
        async with running(FakeVault(tokens={"root-token": {"ttl": 100, "renewable": True}})) as vault:
            vault.secrets["secret/data/app"] = {"key": "value"}
            async with opened("vault", said(vault.url, token=TOKEN), clock=clock) as store:
                await store.fetch("secret/app")
                clock.advance(60)
                await store.fetch("secret/app")
                assert vault.renewals == 0
                clock.advance(10)
                await store.fetch("secret/app")
                assert vault.renewals == 1
                clock.advance(50)
                assert (await store.fetch("secret/app")).lifetime == pytest.approx(50)

    run(main())


def test_what_cannot_be_renewed_signs_in_again() -> None:
    """A role at the end of its token's life, or after the token was revoked."""

    async def main() -> None:
        clock = FakeClock()
        async with running(FakeVault(roles={"app": "s"}, renewable=False)) as vault:
            vault.secrets["secret/data/app"] = {"key": "value"}
            async with opened("vault", said(vault.url, approle=VaultAppRole("app", Secret("s"))), clock=clock) as store:
                await store.fetch("secret/app")
                clock.advance(80)
                await store.fetch("secret/app")
                assert vault.asked_for("/login") == 2
                vault.tokens.clear()
                await store.fetch("secret/app")
                assert vault.asked_for("/login") == 3

    run(main())


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    """An agent replaces the token in it."""
    file = tmp_path / "token"

    async def main() -> None:
        async with running(FakeVault(tokens={"one": {}})) as vault:
            vault.secrets["secret/data/app"] = {"key": "value"}
            file.write_text("one\n")
            async with opened("vault", said(vault.url, token_file=str(file))) as store:
                await store.fetch("secret/app")
                vault.tokens = {"two": {}}
                file.write_text("two\n")
                assert (await store.fetch("secret/app")).value.value("key") == "value"

    run(main())


def test_refusals_say_what_to_do_and_nothing_else() -> None:
    """No secret, no host name; a path that is not there, one that is not allowed, a role that is refused."""

    async def main() -> None:
        async with running(FakeVault()) as vault:
            vault.secrets["secret/data/list"] = {"key": None}
            async with opened("vault", said(vault.url, token=TOKEN)) as store:
                texts = [await told(store.fetch("secret/nothing"))]
                with pytest.raises(Unavailable, match="no such field"):
                    (await store.fetch("secret/list")).value.value("key")
            async with opened("vault", said(vault.url, token=Secret("wrong-token-1"))) as store:
                texts.append(await told(store.fetch("secret/list")))
            async with opened("vault", said(vault.url, approle=VaultAppRole("app", Secret("wrong-secret")))) as store:
                texts.append(await told(store.fetch("secret/list")))
            assert [word in text for word, text in zip(("no such secret", "policy", "approle"), texts, strict=True)] == [True] * 3
            assert not [text for text in texts if "127.0.0.1" in text or "wrong" in text]

    run(main())

"""Azure Key Vault: names, versions, the token's scope."""

from __future__ import annotations

from credentials.stores.support import opened, run, told
from fakes.secret_stores import FakeAzure, running
from llm_gateway.config.schema import Secrets
from llm_gateway.config.schema.secrets import AzureStore
from llm_gateway.config.values import Secret


def said(url: str) -> Secrets:
    store = AzureStore(url=f"{url}/{{vault}}", authority=url, tenant_id="t", client_id="c", client_secret=Secret("s"))
    return Secrets(azure=store)


def test_a_secret_is_read() -> None:
    """The newest version and a certain one, with a token for vaults."""

    async def main() -> None:
        secrets = {"mine/secrets/name": "value", "mine/secrets/name/0a": "old"}
        async with running(FakeAzure(secrets=secrets)) as azure:
            async with opened("azure-kv", said(azure.url)) as store:
                assert (await store.fetch("mine/name")).value.value("") == "value"
                assert (await store.fetch("mine/name#0a")).value.value("") == "old"
                assert "SecretNotFound" in await told(store.fetch("mine/other"))
            assert set(azure.scopes) == {"https://vault.azure.net/.default"}

    run(main())

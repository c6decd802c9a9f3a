"""Opening the stores of a configuration."""

from __future__ import annotations

import pytest

from credentials.stores.support import run
from llm_gateway.config.schema import Network, Secrets
from llm_gateway.config.schema.secrets import VaultStore
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.stores.open import Stores


def test_certificates_that_are_not_there_are_told() -> None:
    """By the key that names them, when the store is first asked."""

    async def main() -> None:
        vault = Secrets(vault=VaultStore(address="https://127.0.0.1:1", ca_file="/nowhere/ca.pem"))
        for said, network, word in (
            (vault, Network(), "secrets.vault.ca_file"),
            (Secrets(), Network(ca_file="/nowhere"), "network"),
        ):
            stores = Stores(said, network, {"VAULT_ADDR": "https://127.0.0.1:1"}, FakeClock())
            with pytest.raises(Unavailable, match=word):
                stores.of("vault")
            await stores.close()

    run(main())


def test_a_store_is_opened_once() -> None:
    """So that its login serves every secret."""

    async def main() -> None:
        stores = Stores(Secrets(), Network(), {}, FakeClock())
        assert stores.of("aws-sm") is stores.of("aws-sm")
        await stores.close()

    run(main())

"""Azure Key Vault (REST reference, Get Secret, version 7.4 of the API)."""

from __future__ import annotations

import msgspec

from llm_gateway.config.schema.secrets import AzureStore as Settings
from llm_gateway.credentials.azure.chain import fetch_of
from llm_gateway.credentials.bearer import refused
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched
from llm_gateway.credentials.stores.base import LARGEST, Document, Leased

_WHAT = "Azure Key Vault"
_VERSION = "7.4"


class _Bundle(msgspec.Struct, frozen=True):
    value: str

    __repr__ = object.__repr__


class AzureSecrets:
    """Secrets of any vault that the credentials may read."""

    def __init__(self, said: Settings, means: Means) -> None:
        self._said = said
        self._means = means
        self._lines = Leased(fetch_of(said, means), means.clock)

    async def fetch(self, document: str) -> Fetched[Document]:
        """`document`: vault/name, and a version behind a #. Raises Unavailable."""
        place, _, version = document.partition("#")
        vault, name = place.split("/")
        base = f"https://{vault}" if "." in vault else self._said.url.replace("{vault}", vault).rstrip("/")
        url = f"{base}/secrets/{name}{f'/{version}' if version else ''}?api-version={_VERSION}"
        lines = await self._lines.get()
        answer = await self._means.http.send(_WHAT, b"GET", url, {"Accept": "application/json"}, signed=lines, largest=LARGEST)
        if answer.status != 200:
            self._lines.drop()
            raise refused(answer, _WHAT, "see the vault's and the secret's name, and the permission to get secrets")
        return Fetched(Document(answer.json(_Bundle, _WHAT).value))

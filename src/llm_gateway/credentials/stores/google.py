"""Google Secret Manager (REST reference v1, projects.secrets.versions.access), whose answers carry a checksum (CRC-32C)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

import msgspec

from llm_gateway.config.schema.secrets import GoogleStore as Settings
from llm_gateway.credentials.bearer import refused
from llm_gateway.credentials.google.chain import fetch_of
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from llm_gateway.credentials.stores.base import LARGEST, Document, Leased

_WHAT = "Google Secret Manager"
_PUBLIC = "https://secretmanager.googleapis.com"
_REGIONAL = "https://secretmanager.{location}.rep.googleapis.com"
_CASTAGNOLI = 0x82F63B78


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    data: str = ""
    data_crc32c: str | int | None = msgspec.field(default=None, name="dataCrc32c")

    __repr__ = object.__repr__


class _Version(msgspec.Struct, frozen=True):
    payload: _Payload

    __repr__ = object.__repr__


class GoogleSecrets:
    """Secrets of any project that the credentials may read."""

    def __init__(self, said: Settings, means: Means) -> None:
        self._said = said
        self._means = means
        self._lines = Leased(fetch_of(said, means), means.clock)

    async def fetch(self, document: str) -> Fetched[Document]:
        """`document`: the version's whole name. Raises Unavailable."""
        base = (self._said.endpoint or _public(document)).rstrip("/")
        lines = await self._lines.get()
        url = f"{base}/v1/{document}:access"
        answer = await self._means.http.send(_WHAT, b"GET", url, {"Accept": "application/json"}, signed=lines, largest=LARGEST)
        if answer.status != 200:
            self._lines.drop()
            raise refused(answer, _WHAT, "see the secret's name, and the role Secret Manager Secret Accessor on it")
        return Fetched(Document(_text(answer.json(_Version, _WHAT).payload)))


def _public(document: str) -> str:
    parts = document.split("/")
    return _REGIONAL.format(location=parts[3]) if parts[2] == "locations" else _PUBLIC


def _text(payload: _Payload) -> str:
    try:
        data = b64decode(payload.data, validate=True)
        text = data.decode()
    except (NotBase64, ValueError):
        raise Unavailable(f"{_WHAT} has a secret that is not text") from None
    if payload.data_crc32c is not None and str(payload.data_crc32c) != str(crc32c(data)):
        raise Unavailable(f"{_WHAT} gave a secret that was damaged on its way")
    return text


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 appendix B.4, bit by bit: a secret is short."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ _CASTAGNOLI if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF

"""AWS Secrets Manager (API reference, GetSecretValue): a signed POST in AWS JSON 1.1, in the secret's own region."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

import msgspec

from llm_gateway.config.schema.secrets import AwsStore as Settings
from llm_gateway.core.json import encode
from llm_gateway.credentials.aws.chain import source_of
from llm_gateway.credentials.aws.profile import profile_name, read_profiles
from llm_gateway.credentials.aws.region import endpoint, region_of
from llm_gateway.credentials.aws.sigv4 import Credentials, Signer, Unsigned
from llm_gateway.credentials.bearer import refused
from llm_gateway.credentials.fetch import address
from llm_gateway.credentials.means import Means, Variables
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from llm_gateway.credentials.stores.base import LARGEST, Document, Leased

_WHAT = "AWS Secrets Manager"
_SERVICE = "secretsmanager"


class _Value(msgspec.Struct, frozen=True, rename="pascal"):
    secret_string: str | None = None
    secret_binary: str | None = None

    __repr__ = object.__repr__


class AwsSecrets:
    """One account's secrets; those named by ARN are asked for where they are."""

    def __init__(self, said: Settings, means: Means) -> None:
        self._said = said
        self._means = means
        self._region = region_of(said.region, None, means) or _of_profile(said, means)
        self._keys: Leased[Credentials] | None = None
        self._signers: dict[str, Signer] = {}

    async def fetch(self, document: str) -> Fetched[Document]:
        """`document`: name or ARN, and the version's stage behind a #. Raises Unavailable."""
        secret, _, stage = document.partition("#")
        region = (secret.split(":")[3] if secret.startswith("arn:") and secret.count(":") > 4 else "") or self._region
        if not region:
            raise Unavailable(f"{_WHAT} needs secrets.aws.region, or AWS_REGION in the environment")
        body = encode({"SecretId": secret, **({"VersionStage": stage} if stage else {})})
        url = (self._said.endpoint or endpoint(_SERVICE, region)).rstrip("/") + "/"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
        keys = await self._leased(region).get()
        origin, target = address(url, _WHAT)
        unsigned = Unsigned("POST", origin.authority.decode(), target.decode(), body, headers=headers)
        signer = self._signers.setdefault(region, Signer(region, _SERVICE))
        signed = signer.sign(keys, unsigned, self._means.clock.now())
        answer = await self._means.http.send(_WHAT, b"POST", url, headers, body, signed=signed, largest=LARGEST)
        if answer.status != 200:
            self._leased(region).drop()
            raise refused(answer, _WHAT, "see the secret's name and region, and the permission secretsmanager:GetSecretValue")
        return Fetched(Document(_text(answer.json(_Value, _WHAT))))

    def _leased(self, region: str) -> Leased[Credentials]:
        if self._keys is None:
            self._keys = Leased(source_of(self._said, self._region or region, self._means), self._means.clock)
        return self._keys


def _text(value: _Value) -> str:
    if value.secret_string is not None:
        return value.secret_string
    try:
        return b64decode(value.secret_binary or "", validate=True).decode()
    except (NotBase64, ValueError):
        raise Unavailable(f"{_WHAT} has a secret that is not text") from None


def _of_profile(said: Settings, variables: Variables) -> str:
    try:
        return read_profiles(variables).get(said.profile or profile_name(variables), {}).get("region", "")
    except Unavailable:  # told when credentials are fetched from it
        return ""

"""References to secrets, right and wrong."""

from __future__ import annotations

import pytest

from llm_gateway.config.errors import Wrong
from llm_gateway.credentials.stores.names import asked

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/openai-AbCdEf"


@pytest.mark.parametrize(
    ("kind", "name", "document", "key"),
    [
        ("vault", "secret/openai#api_key", "secret/openai", "api_key"),
        ("vault", "secret/a b#k".replace(" ", "-"), "secret/a-b", "k"),
        ("vault", "secret/x#a#b", "secret/x", "a#b"),
        ("aws-sm", "prod/openai", "prod/openai", ""),
        ("aws-sm", f"{ARN}#key", ARN, "key"),
        ("aws-sm", "x#key#AWSPREVIOUS", "x#AWSPREVIOUS", "key"),
        ("aws-sm", "x##AWSPREVIOUS", "x#AWSPREVIOUS", ""),
        ("gcp-sm", "projects/p/secrets/s", "projects/p/secrets/s/versions/latest", ""),
        ("gcp-sm", "projects/p/secrets/s/versions/7#k", "projects/p/secrets/s/versions/7", "k"),
        ("gcp-sm", "projects/p/locations/eu/secrets/s/versions/1", "projects/p/locations/eu/secrets/s/versions/1", ""),
        ("azure-kv", "vault/name", "vault/name", ""),
        ("azure-kv", "vault.vault.azure.cn/name#0123abcd", "vault.vault.azure.cn/name#0123abcd", ""),
    ],
)
def test_what_is_asked_for(kind: str, name: str, document: str, key: str) -> None:
    """The store's own name of the secret, and the field that is wanted."""
    assert asked(kind, name) == (document, key)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("vault", "secret/openai"), ("vault", "openai#key"), ("vault", "#key"), ("vault", "secret/../sys/x#key"),
        ("vault", "secret/x?y=1#key"), ("vault", "/secret/x#key"), ("vault", "secret//x#key"), ("vault", "secret/%2e#k"),
        ("aws-sm", ""), ("aws-sm", "#key"), ("aws-sm", "a b"), ("aws-sm", "x#k#a b"),
        ("gcp-sm", "s"), ("gcp-sm", "projects/p/secrets/s/versions/"), ("gcp-sm", "projects/p/secrets/../x"),
        ("azure-kv", "name"), ("azure-kv", "vault/name/x"), ("azure-kv", "vault/name#"), ("azure-kv", "vault/a_b"), ("azure-kv", "vault.example.com/name"),
        ("vault", "secret/" + "x" * 2000 + "#k"),
    ],
)  # fmt: skip
def test_what_no_store_could_have_is_refused(kind: str, name: str) -> None:
    """Among it paths that would lead somewhere else."""
    with pytest.raises(Wrong):
        asked(kind, name)

"""How secrets are named: what stands behind the colon of `${vault:...}` and its siblings, and what it asks a store for.

vault      path#key                     path as `vault kv get` takes it
aws-sm     id[#key[#stage]]             id: a name or an ARN; key: of a JSON object; stage: AWSCURRENT if absent
gcp-sm     projects/p/secrets/s[/versions/v][#key]
azure-kv   vault/name[#version]         vault: a name, or its whole host at Microsoft
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from llm_gateway.config.errors import Wrong

_LONGEST = 1024
_PATH = re.compile(r"(?!/)(?!.*//)(?!.*(?:^|/)\.{1,2}(?:/|$))[^\x00-\x20?%\\]+(?<!/)")
_AWS = re.compile(r"[A-Za-z0-9/_+=.@:!-]{1,512}")
_STAGE = re.compile(r"[A-Za-z0-9_+=.@/-]{1,256}")
_GOOGLE = re.compile(
    r"projects/[a-z0-9.:-]{1,64}(?:/locations/[a-z0-9-]{1,32})?/secrets/[A-Za-z0-9_-]{1,255}(/versions/(?:[0-9]{1,18}|[A-Za-z_][\w-]{0,62}))?"
)
_AZURE = re.compile(  # a token for vaults goes to no other host
    r"[A-Za-z0-9-]{3,64}(?:\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de))?/[A-Za-z0-9-]{1,127}"
)
_VERSION = re.compile(r"[A-Za-z0-9]{1,64}")


class Asked(NamedTuple):
    """What is fetched, in the store's own words, and which field of it is wanted ("": the whole)."""

    document: str
    key: str


def asked(kind: str, name: str) -> Asked:
    """Raises Wrong for what no store could have."""
    if len(name) > _LONGEST:
        raise Wrong(f"the reference is longer than {_LONGEST} characters")
    return _READERS[kind](name)


def _vault(name: str) -> Asked:
    path, _, key = name.partition("#")
    if not _PATH.fullmatch(path) or "/" not in path or not key:
        raise Wrong("expected ${vault:mount/path#key}", "write the path as `vault kv get` takes it, then # and the field")
    return Asked(path, key)


def _aws(name: str) -> Asked:
    secret, _, rest = name.partition("#")
    key, _, stage = rest.partition("#")
    if not _AWS.fullmatch(secret) or (stage and not _STAGE.fullmatch(stage)):
        raise Wrong("expected ${aws-sm:name}, ${aws-sm:name#key} or ${aws-sm:arn#key#AWSPREVIOUS}")
    return Asked(f"{secret}#{stage}" if stage else secret, key)


def _google(name: str) -> Asked:
    path, _, key = name.partition("#")
    match = _GOOGLE.fullmatch(path)
    if match is None:
        raise Wrong("expected ${gcp-sm:projects/PROJECT/secrets/NAME/versions/latest}, with #key for a field of a JSON object")
    return Asked(path if match[1] else f"{path}/versions/latest", key)


def _azure(name: str) -> Asked:
    place, hash_, version = name.partition("#")
    if not _AZURE.fullmatch(place) or (hash_ and not _VERSION.fullmatch(version)):
        raise Wrong("expected ${azure-kv:vault/name} or ${azure-kv:vault/name#version}")
    return Asked(name, "")


_READERS: Mapping[str, Callable[[str], Asked]] = MappingProxyType(
    {"vault": _vault, "aws-sm": _aws, "gcp-sm": _google, "azure-kv": _azure}
)

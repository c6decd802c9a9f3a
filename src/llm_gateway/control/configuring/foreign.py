"""Secrets go where they were meant to go: who may define providers must not be able to have others' keys sent to his address.

What the API shows of a provider hides its secrets, and what is sent back as `***` or left out of a patch keeps them. So they have
to be sent anew when the address is another one. What the gateway finds in its own environment never goes to an address that the
API was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from llm_gateway.control.api.refusals import invalid
from llm_gateway.core.redact import HIDDEN
from llm_gateway.providers.base import ProviderType

ADDRESS = ("type", "base_url", "proxy", "tls", "region")
"""Members of a provider that say where its requests go."""
SECRETS = ("api_key", "headers")


def check(
    name: str, sent: Mapping[str, Any], made: Mapping[str, Any], old: Mapping[str, Any] | None, types: Mapping[str, ProviderType]
) -> None:
    """`name`: the provider's; `sent`: what came; `made`: what it comes to; `old`: what there was. Raises InvalidRequest."""
    problems = []
    if old is not None and any(made.get(member) != old.get(member) for member in ADDRESS):
        problems += [
            (secret, "has to be sent again where the address changes: it was given for another one")
            for secret in SECRETS
            if made.get(secret) and _kept(sent.get(secret))
        ]
    kind = types.get(str(made.get("type") or name))
    if kind is not None and made.get("base_url") and not made.get("api_key") and _other(made["base_url"], kind.base_url):
        if kind.credentials and not any(made.get(section) for section in kind.credentials):
            problems.append(("base_url", "with the gateway's own credentials only a file can say another address"))
        elif kind.key_variable is not None and kind.key_required:
            problems.append(
                ("api_key", f"is missing: what the gateway has in {kind.key_variable} is not sent to another address")
            )
    if problems:
        raise invalid(problems)


def _kept(sent: Any) -> bool:
    if isinstance(sent, Mapping):
        return any(value == HIDDEN for value in sent.values())
    return sent is None or sent == HIDDEN


def _other(given: Any, usual: str | None) -> bool:
    return usual is None or urlsplit(str(given)).netloc.lower() != urlsplit(usual).netloc.lower()

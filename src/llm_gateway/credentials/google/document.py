"""A credentials file of Google Cloud: which of its types it is, and what that means."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.credentials.google.account import AuthorizedUser, ServiceAccount, authorized_user, service_account
from llm_gateway.credentials.google.external import ExternalAccount, external_account
from llm_gateway.credentials.google.token import Source, impersonated
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Unavailable

_DEEPEST = 3
"""Service accounts that act as others."""

Shape = TypeVar("Shape")


class _Typed(msgspec.Struct, frozen=True):
    type: str
    quota_project_id: str | None = None


class _Impersonated(msgspec.Struct, frozen=True):
    source_credentials: msgspec.Raw
    service_account_impersonation_url: str
    delegates: tuple[str, ...] = ()


def source_in(means: Means, document: bytes, scopes: tuple[str, ...], what: str, depth: int = 0) -> Source:
    """What the file describes. Nothing is asked yet. Raises Unavailable, whose text quotes nothing of it."""
    kind = _as(document, _Typed, what).type
    match kind:
        case "service_account":
            return service_account(means, _as(document, ServiceAccount, what), scopes)
        case "authorized_user":
            return authorized_user(means, _as(document, AuthorizedUser, what))
        case "external_account":
            return external_account(means, _as(document, ExternalAccount, what), scopes)
        case "impersonated_service_account" if depth < _DEEPEST:
            inner = _as(document, _Impersonated, what)
            base = source_in(means, bytes(inner.source_credentials), scopes, what, depth + 1)
            return impersonated(means, base, inner.service_account_impersonation_url, scopes, inner.delegates)
    raise Unavailable(f"{what} is of a type that is not supported: service_account, authorized_user, external_account are")


def quota_project_in(document: bytes, what: str) -> str | None:
    """Raises Unavailable."""
    return _as(document, _Typed, what).quota_project_id


def _as(document: bytes, shape: type[Shape], what: str) -> Shape:
    try:
        return decode(document, shape)
    except MalformedJson:
        raise Unavailable(f"{what} is not JSON") from None
    except msgspec.ValidationError as error:
        raise Unavailable(f"{what} is not a credentials file of Google Cloud: {_missing(error)}") from None


def _missing(error: Any) -> str:
    """The name of the field that is missing. Fields that are there are not spoken of."""
    text = str(error)
    field = text.partition("missing required field `")[2].partition("`")[0]
    return f"it has no {field}" if field else "a field has the wrong type"

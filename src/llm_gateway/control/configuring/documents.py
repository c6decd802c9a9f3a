"""Documents of objects: how they lie in the store, how they are shown, and what `***` means when it comes back.

Documents with secrets are sealed as a whole, under the object's name, so that a copy of the database is of no use, nor one
object's document in another's place.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.config.errors import Problems, Where
from llm_gateway.config.load import API_OBJECT
from llm_gateway.config.values import Secret
from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.configuring.kinds import KINDS, PROVIDER, Kind, Made
from llm_gateway.core.redact import HIDDEN, Redactor
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.store.rows import ObjectRow

_SEALED = "sealed"


def stored(kind: Kind, name: str, document: Any, ring: Ring) -> str:
    """As it lies in the store."""
    data = msgspec.json.encode(document)
    if kind.secret:
        return msgspec.json.encode({_SEALED: b64encode(ring.seal(data, _row(kind.name, name))).decode()}).decode()
    return data.decode()


def restored(row: ObjectRow, ring: Ring) -> Made:
    """Raises ConfigErrors: it cannot be opened, or is nothing that was stored here."""
    try:
        document = msgspec.json.decode(row.document)
        if KINDS[row.kind].secret:
            document = msgspec.json.decode(ring.open(b64decode(document[_SEALED]), _row(row.kind, row.name)))
    except (Unsealable, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        why = str(error) if isinstance(error, Unsealable) else type(error).__name__
        problems = Problems()
        where = Where(f"{API_OBJECT} {row.kind} {row.name}")
        problems.add(where, (), f"cannot be opened: {why}", "restore the master key it was sealed with, or delete it by the API")
        problems.raise_if_any()
        raise
    return Made(row.kind, row.name, document, row.version, row.created_at, row.updated_at, row.updated_by)


def shown(kind: Kind, document: Any) -> Any:
    """What may be seen of it."""
    return Redactor(kind.secret)(document)


def completed(document: Any, before: Any) -> Any:
    """`document` with the secrets that were only shown as `***` filled in from what there was.

    Raises InvalidRequest for one where there was none, and for references, which only a file can hold.
    """
    problems: list[tuple[str, str]] = []
    made = _completed(document, before, "", problems)
    if problems:
        raise invalid(problems)
    return made


def _completed(new: Any, old: Any, path: str, problems: list[tuple[str, str]]) -> Any:
    if isinstance(new, Mapping):
        held = old if isinstance(old, Mapping) else {}
        return {key: _completed(value, held.get(key), f"{path}.{key}".lstrip("."), problems) for key, value in new.items()}
    if isinstance(new, list):
        kept = old if isinstance(old, list) and len(old) == len(new) else [None] * len(new)
        return [_completed(value, kept[at], f"{path}[{at}]", problems) for at, value in enumerate(new)]
    if isinstance(new, str) and (new == HIDDEN or f"://{HIDDEN}@" in new):
        if isinstance(old, str) and (new in (HIDDEN, Redactor()(old))):
            return old
        problems.append((path, "is ***, which stands for a secret that is kept; there is none here: send the secret"))
    elif isinstance(new, str) and "${" in new:
        problems.append((path, "refers to something with ${...}, which only a file can; send the value itself"))
    return new


def _row(kind: str, name: str) -> str:
    return f"objects/{kind}/{name}"


def guarded(kind: Kind, document: Any) -> Any:
    """For the audit log, which sees that a secret is another one, and does not show it."""
    if not isinstance(document, dict) or kind.secret != PROVIDER.secret or not isinstance(document.get("headers"), dict):
        return document
    return {**document, "headers": {name: Secret(str(value)) for name, value in document["headers"].items()}}

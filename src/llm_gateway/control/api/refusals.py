"""What the admin API refuses with, beside the errors of the data plane: the same envelope, statuses of its own."""

from __future__ import annotations

from collections.abc import Sequence

from llm_gateway.control.audit_log import AuditUnavailable
from llm_gateway.core.errors import Conflict, GatewayError, InvalidRequest, NotFound, Overloaded
from llm_gateway.store.errors import Conflict as Taken
from llm_gateway.store.errors import NotThere, StoreError, TooMuch
from llm_gateway.store.paging import BadCursor

RETRY_SECONDS = 5.0


def refused(status: int, code: str, message: str, param: str | None = None) -> InvalidRequest:
    """An invalid_request_error with a status that has no class."""
    error = InvalidRequest(message, code=code, param=param)
    error.status = status
    return error


def invalid(problems: Sequence[tuple[str, str]]) -> InvalidRequest:
    """422 for a body that was understood and is wrong. `problems`: where in it (`limits.requests.minute`), and what."""
    path, first = problems[0]
    message = f"{path}: {first}" if path else first
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    error = refused(422, "validation_error", message, path or None)
    error.details = {"validation_errors": [{"field": field, "message": text} for field, text in problems]}
    return error


def not_found(what: str) -> NotFound:
    """404. The same words for what there is not and for what is somebody else's."""
    return NotFound(f"There is no such {what}.")


def owned_by_file(what: str, where: str) -> Conflict:
    """409 for a change of what the configuration file defines. `where`: file and line."""
    message = f"This {what} is defined by the configuration file ({where}): change it there."
    return Conflict(message, code="owned_by_file", details={"owner": "file", "where": where})


def told(error: Exception, *, conditional: bool = False) -> GatewayError | None:
    """An error of the store or of the audit log as the caller is told; None: it is none. `conditional`: what was to
    be changed was there before.
    """
    match error:
        case GatewayError():
            return error
        case BadCursor():
            return InvalidRequest("The cursor is not one of ours.", code="invalid_cursor", param="cursor")
        case Taken() if conditional:
            return refused(412, "precondition_failed", "It was changed meanwhile: get it again, and apply your change to that.")
        case Taken():
            return Conflict("There is one already.", code="already_exists")
        case NotThere():
            return NotFound("There is no such object.")
        case TooMuch():
            return InvalidRequest(str(error))
        case StoreError():
            return Overloaded(
                "The store cannot be reached. Requests are served all the same.",
                code="store_unavailable",
                retry_after=RETRY_SECONDS,
            )
        case AuditUnavailable():
            return Overloaded(str(error), code="audit_unavailable", retry_after=RETRY_SECONDS)
    return None

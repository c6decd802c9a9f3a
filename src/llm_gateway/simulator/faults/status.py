"""Faults of status: the provider refuses in its own words."""

from __future__ import annotations

from email.utils import formatdate

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import FaultError, FaultKind, Given
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.refusals import body, headers, usual_code


def status(answer: Answer, given: Given) -> None:
    """An error body in the provider's shape, with Retry-After in any form."""
    code = given.integer("code", 500, 599)
    if code < 300:
        raise FaultError("code= must be between 300 and 599")
    reason = given.text("reason") or usual_code(code, answer.front)
    said = given.text("message", f"simulated error {code}")
    problem = Problem(code, said, code=reason, retry=given.text("retry_after"))
    answer.status = code
    answer.whole(body(problem, answer.front, answer.request_id))
    for name, value in headers(problem, answer.front):
        answer.set(name, _clean(value.decode("latin-1")))
    if "retry_after" in given.args:  # as it is: a client must survive -5 and abc
        answer.set(b"retry-after", _clean(given.text("retry_after")))
    if "retry_after_ms" in given.args:
        answer.set(b"retry-after-ms", _clean(given.text("retry_after_ms")))
    if "retry_after_date" in given.args:
        date = formatdate(given.now() + given.number("retry_after_date", 0), usegmt=True)
        answer.set(b"retry-after", date.encode())


def redirect(answer: Answer, given: Given) -> None:
    """302 to an address that must never be asked."""
    answer.status = given.integer("code", 302, 399)
    answer.whole(b"")
    answer.set(b"location", _clean(given.text("to", "http://169.254.169.254/latest/meta-data/")))


def _clean(value: str) -> bytes:
    return "".join(c for c in value if c.isprintable()).encode("latin-1", "replace")


FAULTS = (
    FaultKind(
        "status",
        "an error in the provider's shape; the code alone is a name too: 429, 500, 529 ...",
        status,
        "code=500 retry_after=TEXT retry_after_ms=N retry_after_date=SECS reason=CODE message=TEXT",
    ),
    FaultKind("redirect", "a redirect, by default to the cloud's metadata address", redirect, "to=URL code=302"),
)

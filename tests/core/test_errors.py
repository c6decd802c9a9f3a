"""The tree of errors."""

from __future__ import annotations

import asyncio

from llm_gateway.core import errors
from llm_gateway.core.errors import GatewayError, UpstreamError, release


def every(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in every(child))]


def test_the_docstring_draws_the_tree():
    """Each class stands in the picture with the status it has."""
    picture = errors.__doc__ or ""
    for kind in every(GatewayError):
        (line,) = [line for line in picture.splitlines() if kind.__name__ in line.replace("─", " ").split()]
        assert str(kind.status) in line or kind.__name__ == "UpstreamRejected"


def test_only_providers_failures_are_retryable():
    """What the caller did wrong is never asked again elsewhere."""
    retryable = {kind for kind in every(GatewayError) if kind.retryable}
    assert retryable == {kind for kind in every(UpstreamError) if kind.__name__ not in ("UpstreamRejected", "UpstreamFiltered")}


def test_release_lets_go_of_every_frame():
    """Tracebacks, causes and contexts of the whole chain are dropped, also when they form a ring."""
    caught: list[BaseException] = []
    try:
        try:
            {}["missing"]
        except KeyError as cause:
            caught.append(cause)
            raise GatewayError("x") from cause
    except GatewayError as error:
        caught.append(error)
    cause, error = caught
    cause.__context__ = error
    release(error)
    assert all(one.__traceback__ is one.__cause__ is one.__context__ is None for one in (error, cause))


def test_release_bears_a_cancelled_cause():
    """Any exception may stand in the chain."""
    error = GatewayError("x")
    error.__context__ = asyncio.CancelledError()
    release(error)
    assert error.__context__ is None

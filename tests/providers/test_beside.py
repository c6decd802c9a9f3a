from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.core.errors import UpstreamError, UpstreamTimeout
from llm_gateway.http.client import Client
from llm_gateway.providers.beside import Beside, Said
from llm_gateway.providers.deployment import Upstream as Account
from llm_gateway.providers.registry import PROVIDER_TYPES
from providers.signing import Signing
from scripted_upstream import ASK, CLOSE, Upstream
from serving import run
from whole_gateway import answer


def beside(script: list[Any], test: Any, authorizer: Any = None) -> None:
    """Runs `test(beside, upstream)` before a provider that plays `script`."""

    async def main() -> None:
        async with Upstream(script) as upstream:
            client = Client()
            account = Account("a", PROVIDER_TYPES["openai"], upstream.url, api_key="sk-provider", authorizer=authorizer)
            try:
                await test(Beside({"a": account}, {"": client}), upstream)
            finally:
                await client.close()

    run(main)


def test_an_answer_whatever_its_status():
    """Asked below the API's version, with the account's own credentials."""

    async def test(made: Beside, upstream: Upstream) -> None:
        assert await made("a", b"DELETE", "/responses/r") == Said(404, b'{"a":1}')
        (request,) = upstream.requests
        assert request[1].startswith(b"DELETE /v1/responses/r HTTP/1.1\r\n")
        assert b"Authorization: Bearer sk-provider\r\n" in request[1]

    beside([ASK, answer({"a": 1}, "404 Not Found")], test)


def test_credentials_that_expire():
    """Requests are signed as they are sent, and what the provider refuses is fetched anew; what it merely lacks is not."""
    signing = Signing()

    async def test(made: Beside, upstream: Upstream) -> None:
        for status in (401, 403, 404, 200):
            assert (await made("a", b"POST", "/x", b"{}")).status == status
        assert all(b"X-Signed: yes\r\n" in request for _, request in upstream.requests)
        assert signing.signed[-1] == (b"POST", b"/v1/x", b"{}")
        assert (signing.waits, signing.refused) == (1, 2)

    statuses = ("401 No", "403 No", "404 Gone", "200 OK")
    beside([step for status in statuses for step in (ASK, answer({}, status))], test, signing)


def test_no_answer_is_an_upstream_error():
    """A provider that is not there (any more), that hangs up, that is silent."""

    async def test(made: Beside, _upstream: Upstream) -> None:
        with pytest.raises(UpstreamError):
            await made("a", b"GET", "/x")
        with pytest.raises(UpstreamError):
            await made("b", b"GET", "/x")

    async def silent(made: Beside, _upstream: Upstream) -> None:
        with pytest.raises(UpstreamTimeout):
            await made("a", b"GET", "/x", seconds=0.05)

    beside([ASK, CLOSE], test)
    beside([ASK], silent)


@pytest.mark.parametrize(
    ("kind", "path"),
    [("openai", "/responses/r"), ("azure", "/responses/r"), ("anthropic", None), ("ollama", None)],
)
def test_where_a_response_is(kind, path):
    """Below the endpoint of its dialect, where there is one."""
    account = Account("a", PROVIDER_TYPES[kind], "https://provider.example")
    assert Beside({"a": account}, {}).path("a", "openai_responses", "r") == path
    assert Beside({}, {}).path("a", "openai_responses", "r") is None

"""Files and batches at a provider, where the SDK's way through does not lead: errors, odd answers, configuration."""

from __future__ import annotations

from typing import Any

import pytest

from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import KEY, answer, config_of, whole_gateway

pytestmark = pytest.mark.usefixtures("every_store")

FORM = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--xyz--\r\n'
FORM_TYPE = "Content-Type: multipart/form-data; boundary=xyz\r\n"


def document(url: str, **files: Any) -> dict[str, Any]:
    return {
        "providers": {
            "a": {"type": "openai_compatible", "base_url": url, "api_key": "sk-provider-secret"},
            "c": {"type": "cohere"},
        },
        "files": {"provider": "a", **files},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
    }


async def ask(gateway: Any, target: str, method: str = "GET", body: bytes = b"", headers: str = "") -> tuple[int, Any, bytes]:
    async with connected(gateway.port) as raw:
        sized = f"Content-Length: {len(body)}\r\n" if body else ""
        raw.send(f"{method} {target} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {KEY}\r\n{sized}{headers}\r\n".encode() + body)
        return await raw.reply()


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/v1/files/file-x", "GET", 404),
        ("/v1/files/file-x", "DELETE", 404),
        ("/v1/files/file-x/content", "GET", 404),
        ("/v1/files/..%2f..", "GET", 404),
        ("/v1/files/x/y", "GET", 404),
        ("/v1/files/file-x", "PUT", 405),
        ("/v1/batches/b", "DELETE", 405),
        ("/v1/batches/b/cancel", "GET", 405),
        ("/v1/files?after=file-x", "GET", 404),
        ("/v1/files?limit=0", "GET", 400),
        ("/v1/files?limit=abc", "GET", 400),
        ("/v1/files?provider=c", "GET", 400),
        ("/v1/files", "POST", 400),
        ("/v1/filesystem", "GET", 404),
    ],
)
def test_what_is_refused_here(target, method, status):
    """Nobody is asked for what is not the caller's, or makes no sense."""

    async def main():
        async with whole_gateway(document("http://127.0.0.1:1")) as gateway:
            assert (await ask(gateway, target, method))[0] == status

    run(main)


def test_no_provider_is_named():
    """A 400 that says how to name one."""

    async def main():
        config = document("http://127.0.0.1:1")
        del config["files"]
        async with whole_gateway(config) as gateway:
            status, _, told = await ask(gateway, "/v1/files")
            assert status == 400
            assert b"X-Gateway-Provider" in told

    run(main)


def test_the_form_goes_on_as_it_came():
    """With the provider's key, and without the parameter that named the provider."""

    async def main():
        async with Upstream([ASK, answer({"id": "file-1", "object": "file"})]) as upstream:
            async with whole_gateway(document(upstream.url)) as gateway:
                status, headers, body = await ask(gateway, "/v1/files?provider=a&x=1", "POST", FORM, FORM_TYPE)
                assert (status, body) == (200, b'{"id":"file-1","object":"file"}')
                assert headers[b"x-gateway-provider"] == b"a"
            head, _, sent = upstream.requests[0][1].partition(b"\r\n\r\n")
            assert sent == FORM
            assert head.startswith(b"POST /v1/files?x=1 HTTP/1.1\r\n")
            assert b"boundary=xyz" in head
            assert KEY.encode() not in head

    run(main)


@pytest.mark.parametrize("told", [answer(b"<html>"), answer({"object": "file"}), answer([]), answer({"error": {"message": "x"}})])
def test_an_answer_that_is_none(told):
    """502, and nobody owns anything."""

    async def main():
        async with Upstream([ASK, told]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            assert (await ask(gateway, "/v1/files", "POST", FORM, FORM_TYPE))[0] == 502
            assert not gateway.shared.owners._owners

    run(main)


def test_a_provider_s_refusal():
    """In its own words."""

    async def main():
        refused = answer({"error": {"message": "bad purpose", "param": "purpose"}}, "400 Bad Request")
        async with Upstream([ASK, refused]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            status, _, told = await ask(gateway, "/v1/files", "POST", FORM, FORM_TYPE)
            assert status == 400
            assert b"bad purpose" in told

    run(main)


def test_what_nobody_is_known_to_have_made():
    """Shown if the configuration says so: what another key made stays hidden."""

    async def main():
        rows = [{"id": name} for name in ("file-1", "file-2")]
        listed = answer({"object": "list", "data": rows, "has_more": False, "total": 2})
        one = answer({"id": "file-1"})
        async with (
            Upstream([ASK, listed, ASK, one]) as upstream,
            whole_gateway(document(upstream.url, unknown_ids="show")) as gateway,
        ):
            shared = gateway.shared
            await (shared.owners if shared.kept is None else shared.kept.owners).add(
                ("a", "openai_files"), ["file-2"], "somebody"
            )
            _, _, told = await ask(gateway, "/v1/files")
            ends = b'"has_more":false,"first_id":"file-1","last_id":"file-1","total":1}'
            assert told == b'{"object":"list","data":[{"id":"file-1"}],' + ends
            assert (await ask(gateway, "/v1/files/file-1"))[0] == 200
            assert (await ask(gateway, "/v1/files/file-2"))[0] == 404

    run(main)


def test_a_batch_needs_a_file():
    """One of its maker's own, under either name."""

    async def main():
        async with whole_gateway(document("http://127.0.0.1:1")) as gateway:
            for body, param in (
                (b"{}", b"input_file_id"),
                (b'{"input_file_id":"file-9"}', b"input_file_id"),
                (b'{"input_files":["file-9"]}', b"input_file_id"),
                (b"[]", b"null"),
                (b"{", b"null"),
            ):
                status, _, told = await ask(gateway, "/v1/batches", "POST", body, "Content-Type: application/json\r\n")
                assert status == 400
                assert b'"param":' + (b'"' + param + b'"' if param != b"null" else param) in told

    run(main)


@pytest.mark.parametrize("name", ["input_file_id", "input_files", "requests", "model", "input\\u005ffile_id"])
def test_a_batch_names_its_file_once(name):
    """Of two, one would be checked and perhaps the other one read."""

    async def main():
        async with whole_gateway(document("http://127.0.0.1:1", unknown_ids="show")) as gateway:
            plain = name.replace("\\u005f", "_")
            body = f'{{"input_file_id":"file-1","{plain}":"file-2","{name}":"file-3"}}'.encode()
            status, _, told = await ask(gateway, "/v1/batches", "POST", body, "Content-Type: application/json\r\n")
            assert status == 400
            assert b"more than once" in told

    run(main)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"files": {"provider": "nobody"}}, "files.provider: there is no provider"),
        ({"media": {"image_model": "nobody"}}, "media.image_model"),
        ({"media": {"moderation_model": "nobody/x"}}, "media.moderation_model"),
        ({"auth": {"keys": [{"name": "k", "key": KEY, "passthrough": ["nobody"]}]}}, "passthrough"),
    ],
)
def test_names_that_are_not_there(section, message):
    """Said when the configuration is read."""
    with pytest.raises(Exception, match=message):
        config_of(document("http://127.0.0.1:1") | section)


@pytest.mark.parametrize(
    ("budget", "files", "status"),
    [
        ({"amount": 5}, {}, 403),
        ({"amount": 5, "hard": False}, {}, 200),
        ({"amount": 5}, {"uncounted_batches": "allow"}, 200),
    ],
)
def test_a_hard_budget_is_not_passed_by_with_a_batch(budget, files, status):
    """What a batch costs is not seen here: who has a hard budget makes none, unless the configuration says so."""

    async def main():
        made = answer({"id": "batch_1", "object": "batch"})
        async with Upstream([ASK, made] if status == 200 else []) as upstream:
            config = document(upstream.url, **files)
            config["auth"]["keys"][0]["budgets"] = [budget]
            async with whole_gateway(config) as gateway:
                got, _, told = await ask(gateway, "/v1/batches", "POST", b'{"requests":[]}', "Content-Type: application/json\r\n")
                assert got == status
                assert (b"batch_not_counted" in told) is (status == 403)
                assert (await ask(gateway, "/v1/files/file-x"))[0] == 404

    run(main)

"""`llm-gateway explain` against a gateway that runs beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from llm_gateway.cli.main import main
from serving import run
from whole_gateway import KEY, whole_gateway

RULES = [{"name": "no-tools", "when": "needs tools", "then": {"reject": "no tools here"}}]
CONFIGURATION = {
    "providers": {
        "a": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1", "region": "eu"},
        "b": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"},
    },
    "models": {"m": {"deployments": ["a/one", "b/two"]}},
    "catalogue": {"models": {"a/one": {"prices": {"input": 1, "output": 2}}}},
    "auth": {"keys": [{"name": "tests", "key": KEY}]},
    "routing": {"rules": RULES},
}


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_URL", "GATEWAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="llm-gateway", catch_exceptions=False)


def explained(*arguments: str, check: Callable[[Result], None], key: str = KEY) -> None:
    """`llm-gateway explain ARGUMENTS` while a gateway runs."""

    async def beside() -> None:
        async with whole_gateway(CONFIGURATION) as gateway:
            url = f"http://127.0.0.1:{gateway.port}"
            check(await asyncio.to_thread(called, "explain", *arguments, "-u", url, "-k", key))

    run(beside)


def test_a_table_for_people() -> None:
    """Everybody in order, why, and what would be done."""

    def check(done: Result) -> None:
        assert done.exit_code == 0, done.stderr
        heading, _, first, second, ending = done.stdout.splitlines()
        assert heading == "m: route m; strategy priority"
        assert first.split()[:4] == ["1", "a/one", "m", "0"]
        assert "0.002" in first  # a thousand tokens of answer
        assert second.split()[:3] == ["2", "b/two", "m"]
        assert ending.startswith("a/one would be asked, for about $0.002")
        assert "1 more in this order" in ending

    explained("-m", "m", check=check)


@pytest.mark.parametrize("arguments", [("explain", "--json"), ("--json", "explain")])
def test_everything_for_scripts(arguments: tuple[str, ...]) -> None:
    """As the endpoint told it, wherever --json stands."""

    async def beside() -> None:
        async with whole_gateway(CONFIGURATION) as gateway:
            url = f"http://127.0.0.1:{gateway.port}"
            done = await asyncio.to_thread(called, *arguments, "-m", "m", "-u", url, "-k", KEY)
            told = msgspec.json.decode(done.stdout)
            assert [one["deployment"] for one in told["candidates"]] == ["a/one", "b/two"]

    run(beside)


def test_headers_and_who_is_not_asked() -> None:
    """The headers of the request that is asked about."""

    def check(done: Result) -> None:
        assert "b/two would be asked." in done.stdout
        assert "not asked: excluded" in done.stdout

    explained("-m", "m", "Hi there", "-H", "X-Gateway-Exclude: a", "--stream", check=check)


def test_a_request_from_a_file(tmp_path: Path) -> None:
    """Of any dialect; -m takes the place of its model."""
    file = tmp_path / "request.json"
    body: dict[str, Any] = {"model": "other", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    file.write_bytes(msgspec.json.encode(body))

    def check(done: Result) -> None:
        assert "for about $0.00001" in done.stdout

    explained("-f", str(file), "-m", "m", "--path", "/v1/messages", check=check)


def test_a_rule_that_refuses(tmp_path: Path) -> None:
    """That is what would happen, not a failure of explaining."""
    file = tmp_path / "request.json"
    tools = [{"type": "function", "function": {"name": "f"}}]
    file.write_bytes(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": tools}))

    def check(done: Result) -> None:
        assert done.exit_code == 0
        assert "m: refused by the rule no-tools: no tools here" in done.stdout
        assert "It would be answered 403." in done.stdout

    explained("--file", str(file), check=check)


def test_what_the_gateway_refuses() -> None:
    """Its own words and its code."""

    def check(done: Result) -> None:
        assert (done.exit_code, done.stderr.strip().partition(":")[0]) == (1, "404 model_not_found")

    explained("-m", "nowhere", check=check)


def test_no_gateway() -> None:
    """Said in words."""
    done = called("explain", "-m", "m", "-u", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "Is the gateway running there?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Say which model is asked for"),
        (("-m", "m", "-H", "nonsense"), "A header reads 'Name: value'"),
        (("-f", "none.json"), "No such file"),
        (("-f", "text.json"), "does not hold a JSON object"),
    ],
)
def test_a_command_line_that_is_wrong(arguments: tuple[str, ...], why: str, tmp_path: Path) -> None:
    """Said before anybody is asked."""
    (tmp_path / "text.json").write_text("hello")
    done = called("explain", *arguments)
    assert done.exit_code == 2
    assert why in done.stderr

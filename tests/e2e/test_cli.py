"""The command line as a person and as a script meet it. Whatever goes wrong is said in words, never as a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from click import Context
from click.testing import CliRunner

from e2e.world import World
from gateway_process import running_gateway
from llm_gateway._version import __version__
from llm_gateway.cli.main import main

COMMANDS = tuple(main.list_commands(Context(main)))
Run = Callable[..., "Done"]


def clean_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if "PROXY" not in name.upper() and not name.startswith("GATEWAY_") and not name.endswith("_API_KEY")
    }


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """llm-gateway ARGUMENTS in an empty folder: commands that listen in a process of their own, the others here, which is faster."""
    monkeypatch.chdir(tmp_path)

    def runs(*arguments: str, stdin: str = "", process: bool = False, **environ: str) -> Done:
        if process or {"serve", "start", "simulate"} & set(arguments[:2]):
            given = {"cwd": tmp_path, "env": clean_environment() | environ, "input": stdin}
            ended = subprocess.run(
                [sys.executable, "-m", "llm_gateway", *arguments],
                **given,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )  # type: ignore[call-overload]
            assert "Traceback" not in ended.stderr + ended.stdout
            return Done(ended.returncode, ended.stdout, ended.stderr)
        unset = dict.fromkeys(os.environ.keys() - clean_environment().keys())
        here = CliRunner().invoke(
            main, arguments, input=stdin, env=unset | environ, prog_name="llm-gateway", catch_exceptions=False
        )
        return Done(here.exit_code, here.stdout, here.stderr)

    return runs


@pytest.fixture
def asking(world: World) -> dict[str, str]:
    return {"GATEWAY_URL": world.url, "GATEWAY_API_KEY": world.key}


@pytest.fixture
def taken_port() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_help_names_every_command(run: Run) -> None:
    """The first page lists all commands and says where to begin."""
    done = run("--help", process=True)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout
    assert "serve --demo" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Each has a sentence about itself, and a line for every option."""
    page = CliRunner().invoke(main, [command, "--help"], prog_name="llm-gateway")
    assert page.exit_code == 0
    assert page.output.startswith(f"Usage: llm-gateway {command}")
    for line in page.output.partition("Options:")[2].splitlines():
        if line.startswith("  -"):
            assert len(line.split("  ")) > 2 or page.output.count(line) == 1


def test_version(run: Run) -> None:
    """Three ways to ask."""
    assert run("version", process=True).stdout == f"llm-gateway {__version__}\n"
    assert __version__ in run("--version").stdout
    assert msgspec.json.decode(run("--json", "version").stdout) == {"version": __version__}


def test_an_unknown_command(run: Run) -> None:
    """Exit status 2 and a word about what would work."""
    done = run("srve")
    assert done.returncode == 2
    assert "No such command" in done.stderr


GOOD = """
providers:
  one: {type: simulator}
models:
  m: one/gpt-sim
"""
BAD = """
server: {prot: 1}
providers:
  one: {type: simulatr}
models:
  m: on/gpt-sim
  n: {deployments: [one/x], retries: many}
"""


def test_validate(run: Run, tmp_path: Path) -> None:
    """A good file: what is in it, and for scripts a digest that changes with the values only."""
    (tmp_path / "good.yaml").write_text(GOOD)
    done = run("validate", "good.yaml")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "1 providers, 1 models, 0 keys")
    first = msgspec.json.decode(run("--json", "validate", "good.yaml").stdout)
    (tmp_path / "good.yaml").write_text(GOOD + "# a remark\n")
    again = msgspec.json.decode(run("--json", "validate", "good.yaml").stdout)
    assert (first["valid"], first["digest"]) == (True, again["digest"])


@pytest.mark.parametrize("command", [("validate", "bad.yaml"), ("serve", "--config", "bad.yaml")])
def test_every_mistake_at_once(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """All mistakes with file, line and column and a suggestion; exit status 2; the same as data for scripts."""
    (tmp_path / "bad.yaml").write_text(BAD)
    done = run(*command)
    assert done.returncode == 2
    assert 'bad.yaml:2:10: server.prot: unknown key; did you mean "port"?' in done.stderr
    assert 'did you mean "simulator"?' in done.stderr
    assert "models.n.retries" in done.stderr
    data = msgspec.json.decode(run("--json", *command).stderr)["error"]["details"]
    assert {"server.prot", "providers.one.type", "models.n.retries"} <= {problem["path"] for problem in data}
    assert all(problem["line"] > 0 for problem in data)


def test_a_file_that_is_not_there(run: Run) -> None:
    """Named, with status 2."""
    done = run("serve", "--config", "nowhere.yaml")
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr


def test_a_port_that_is_taken(run: Run, tmp_path: Path, taken_port: str) -> None:
    """serve and simulate say so, and how to choose another one."""
    (tmp_path / "good.yaml").write_text("server: {}\n")
    done = run("serve", "--config", "good.yaml", "--port", taken_port)
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "--port" in done.stderr
    done = run("simulate", "--port", taken_port)
    assert done.returncode == 1
    assert "--port" in done.stderr


def test_demo_and_a_configuration_exclude_each_other(run: Run) -> None:
    """Said, not guessed."""
    done = run("serve", "--demo", "--config", "x.yaml")
    assert done.returncode == 2
    assert "--demo" in done.stderr


def test_schema(run: Run) -> None:
    """A JSON Schema, whether or not --json is given."""
    plain, flagged = run("schema").stdout, run("--json", "schema").stdout
    assert plain == flagged
    assert {"server", "providers", "models", "auth"} <= msgspec.json.decode(plain)["properties"].keys()


def test_hash_key_gives_what_the_gateway_accepts(run: Run, tmp_path: Path) -> None:
    """A key that only its hash is configured of opens the gateway; another one does not."""
    key = "sk-only-hashed-0123456789abcdef"
    state = tmp_path / "state"
    done = run("--json", "hash-key", "--set", f"state.dir={state}", stdin=key + "\n")
    digest = msgspec.json.decode(done.stdout)["key_hash"]
    assert key not in done.stdout
    assert run("hash-key", "--set", f"state.dir={state}", "--key", key).stdout.strip() == digest
    config = {"auth": {"keys": [{"name": "hashed", "key_hash": digest}]}, "state": {"dir": str(state)}}
    with running_gateway(config, tmp_path) as gateway:
        assert run("models", "--url", gateway.url, "--api-key", key).returncode == 0
        refused = run("models", "--url", gateway.url, "--api-key", "sk-another-key-entirely")
        assert refused.returncode == 1
        assert "401 invalid_api_key" in refused.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completions(run: Run, shell: str) -> None:
    """A script for each shell."""
    done = run("completions", shell)
    assert done.returncode == 0
    assert "_LLM_GATEWAY_COMPLETE" in done.stdout


@pytest.mark.parametrize("model", ["gpt", "claude"])
@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_chat(run: Run, asking: dict[str, str], model: str, how: str) -> None:
    """The answer alone on standard output."""
    done = run("chat", "Hello there", "--model", model, "--system", "Be kind.", "--max-tokens", "50", how, process=True, **asking)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("You said: Hello there\n")


def test_chat_for_scripts(run: Run, asking: dict[str, str]) -> None:
    """--json gives the whole completion."""
    done = run("--json", "chat", "Hello there", "--model", "claude", **asking)
    assert msgspec.json.decode(done.stdout)["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("model", "said"),
    [("no-such-model", "404 model_not_found"), ("gpt-503", "503 provider_unavailable"), ("gpt-cut", "The answer broke off")],
)
def test_chat_that_fails(run: Run, asking: dict[str, str], model: str, said: str) -> None:
    """Status 1 and the gateway's own words; a stream that breaks is not taken for an answer."""
    done = run("chat", "Hello [tokens=40]", "--model", model, **asking)
    assert done.returncode == 1
    assert said in done.stderr


def test_models(run: Run, asking: dict[str, str]) -> None:
    """A table for people, the listing for scripts."""
    done = run("models", **asking)
    assert any(line.split()[:2] == ["claude", "ant"] for line in done.stdout.splitlines())
    listing = msgspec.json.decode(run("--json", "models", **asking).stdout)
    assert "gpt" in {model["id"] for model in listing["data"]}
    of_one = msgspec.json.decode(run("--json", "models", "-p", "ant", **asking).stdout)["data"]
    assert 0 < len(of_one) < len(listing["data"])
    assert all("ant" in model["x_gateway_info"]["providers"] for model in of_one)
    assert msgspec.json.decode(run("--json", "models", "--capability", "no such", **asking).stdout)["data"] == []


def test_a_wrong_key(run: Run, world: World) -> None:
    """Said as what it is, in words and as JSON; the key is not repeated."""
    done = run("chat", "Hi", "--model", "gpt", "--url", world.url, "--api-key", "sk-wrong-wrong")
    assert done.returncode == 1
    assert "401 invalid_api_key" in done.stderr
    assert "sk-wrong" not in done.stderr
    error = msgspec.json.decode(run("--json", "models", "--url", world.url).stderr)["error"]
    assert "401" in error["message"]


def test_a_gateway_that_is_not_there(run: Run) -> None:
    """Which address, and how to start one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for command in (("models",), ("chat", "Hi", "--model", "gpt")):
        done = run(*command, "--url", f"http://127.0.0.1:{port}")
        assert done.returncode == 1
        assert f"127.0.0.1:{port}" in done.stderr
        assert "llm-gateway serve" in done.stderr
    done = run("models", "--url", "nonsense")
    assert done.returncode == 1


def test_simulate(run: Run) -> None:
    """Announces its address, answers there, ends on SIGTERM with status 0; knows its faults; refuses one that is none."""
    process = subprocess.Popen(
        [sys.executable, "-m", "llm_gateway", "--json", "simulate", "--port", "0"],
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdout is not None
    with process.stdout:
        said = b""
        while not said.endswith(b"}\n"):
            line = process.stdout.readline()
            assert line
            said += line
        url = msgspec.json.decode(said)["url"]
        done = run("chat", "Hello there", "--model", "gpt-sim", "--url", url)
        assert "Hello there" in done.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    faults = {row["name"] for row in msgspec.json.decode(run("--json", "simulate", "--faults").stdout)}
    assert {"close_mid", "status", "rechunk"} <= faults
    refused = run("simulate", "--port", "0", "--fault", "nonsense")
    assert refused.returncode == 2
    assert "nonsense" in refused.stderr


def test_short_options_of_serve_are_configuration_keys(run: Run) -> None:
    """`start` is `serve`; what its options say is checked like the file's."""
    done = run("start", "--workers", "none", "--metrics-port", "0")
    assert done.returncode == 2
    assert "server.workers" in done.stderr

"""Commands that read a configuration without serving it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.interpolate import Resolve
from llm_gateway.config.jsonschema import schema as json_schema
from llm_gateway.config.load import Loaded, load_tree
from llm_gateway.config.remarks import remarks
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.stores.loading import load_now
from llm_gateway.credentials.stores.loading import offline as unfetched
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.signing import signing_secret
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import NotServable, compile_snapshot
from llm_gateway.worker.pepper import StateUnusable, load_pepper

config_option = click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="Configuration file; otherwise the usual places are searched."
)
set_option = click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override one key; repeatable.")


def environment() -> dict[str, str]:
    """The process's environment, read in this one place and handed down."""
    return dict(os.environ)  # noqa: TID251 - the command line is where the environment enters


def load_config(path: Path | None, overrides: tuple[str, ...], *, fetch: bool = True) -> Config:
    """`fetch` False: secret stores are not asked, and something stands in for what they hold. Raises ConfigErrors."""
    return _loaded(path, overrides, fetch=fetch).config


def _loaded(path: Path | None, overrides: tuple[str, ...], *, fetch: bool = True) -> Loaded:
    environ, types = environment(), option_names()

    def read(resolve: Resolve) -> Loaded:
        return load_tree(path, overrides=overrides, environ=environ, provider_types=types, dialects=DIALECTS, resolve=resolve)

    return load_now(path, overrides, environ, clock=SystemClock(), read=read) if fetch else read(unfetched)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@set_option
@click.option("--offline", is_flag=True, help="Do not ask secret stores; what they hold is taken to be right.")
@click.pass_obj
def validate(output: Output, file: Path | None, path: Path | None, overrides: tuple[str, ...], *, offline: bool) -> None:
    """Check a configuration: every mistake at once, with file, line and column."""
    try:
        loaded = _loaded(file or path, overrides, fetch=not offline)
        config = loaded.config
        # A pepper and URLs that only stand for the real ones: this checks, it does not serve.
        managed = dict.fromkeys(config.providers, "http://127.0.0.1:1/v1")
        compile_snapshot(config, pepper=bytes(32), environ=environment(), managed=managed)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
    except NotServable as error:
        output.fail(str(error), code=2)
    sources = ", ".join(str(source) for source in config.sources) or "defaults and environment (no file was found)"
    counts = f"{len(config.providers)} providers, {len(config.models)} models, {len(config.auth.keys)} keys"
    said = remarks(loaded)
    warnings = ConfigErrors(said).as_data()
    output.show(
        {"valid": True, "sources": [str(source) for source in config.sources], "digest": config.digest, "warnings": warnings},
        "\n".join((f"valid: {sources}", counts, *(f"warning: {one}" for one in said))),
    )


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    In VS Code and other editors with yaml-language-server, begin the file with
    `# yaml-language-server: $schema=./gateway.schema.json`.
    """
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(json_schema(option_names())), indent=2).decode() + "\n")


@click.command(name="hash-key")
@config_option
@set_option
@click.option("--key", help="The key; asked for, or read from a pipe, when absent: that keeps it out of the shell's history.")
@click.option("--signing", is_flag=True, help="Print the secret that requests with this key are signed with (require_signature).")
@click.pass_obj
def hash_key(output: Output, path: Path | None, overrides: tuple[str, ...], key: str | None, *, signing: bool) -> None:
    """Print the key_hash of a key, so that the configuration need not hold the key itself."""
    try:
        config = load_config(path, overrides)
        pepper = Pepper(load_pepper(Path(config.state.dir)))
    except (ConfigErrors, StateUnusable) as error:
        output.fail(str(error), code=2)
    stdin = sys.stdin
    text: str = key or (click.prompt("Key", hide_input=True) if stdin.isatty() else stdin.readline().strip())
    digest = pepper.digest(text.encode())
    if signing:
        secret = signing_secret(pepper, digest)
        output.show({"signing_secret": secret}, secret)
    else:
        output.show({"key_hash": digest.hex()}, digest.hex())

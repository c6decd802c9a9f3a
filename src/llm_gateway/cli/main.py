"""The command `llm-gateway`."""

from __future__ import annotations

import click

from llm_gateway._version import __version__
from llm_gateway.cli.ask import chat
from llm_gateway.cli.check import hash_key, schema, validate
from llm_gateway.cli.completions import completions
from llm_gateway.cli.explain import explain
from llm_gateway.cli.models import models
from llm_gateway.cli.output import Output
from llm_gateway.cli.serve import serve
from llm_gateway.cli.simulate import simulate


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None, "max_content_width": 110},
    epilog="Start with `llm-gateway serve --demo`: it answers without a configuration and without any key.",
)
@click.option("--json", "as_json", is_flag=True, help="Write results and errors as JSON, for scripts.")
@click.version_option(__version__, "-V", "--version", prog_name="llm-gateway")
@click.pass_context
def main(context: click.Context, *, as_json: bool) -> None:
    """The gateway between applications and LLM providers."""
    context.obj = Output(as_json=as_json)


@click.command()
@click.pass_obj
def version(output: Output) -> None:
    """Say which version this is."""
    output.show({"version": __version__}, f"llm-gateway {__version__}")


for command in (serve, validate, schema, hash_key, chat, explain, models, simulate, completions, version):
    main.add_command(command)

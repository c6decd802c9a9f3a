"""Shell completions, made by click."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PLACES = {
    "bash": 'eval "$(llm-gateway completions bash)" in ~/.bashrc',
    "zsh": 'eval "$(llm-gateway completions zsh)" in ~/.zshrc',
    "fish": "llm-gateway completions fish > ~/.config/fish/completions/llm-gateway.fish",
}


@click.command(epilog="\b\n" + "\n".join(_PLACES.values()))
@click.argument("shell", type=click.Choice(sorted(_PLACES)))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices are click's own
    click.echo(kind(context.find_root().command, {}, "llm-gateway", "_LLM_GATEWAY_COMPLETE").source())

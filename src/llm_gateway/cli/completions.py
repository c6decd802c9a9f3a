"""Shell completions. Three of them are click's own; PowerShell's asks the command in the same way as fish's."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, get_completion_class, split_arg_string

_PLACES = {
    "bash": 'eval "$(llm-gateway completions bash)" in ~/.bashrc',
    "zsh": 'eval "$(llm-gateway completions zsh)" in ~/.zshrc',
    "fish": "llm-gateway completions fish > ~/.config/fish/completions/llm-gateway.fish",
    "powershell": "llm-gateway completions powershell | Out-String | Invoke-Expression in $PROFILE",
}
_SCRIPT = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = $env:%(complete_var)s, $env:COMP_WORDS, $env:COMP_CWORD
    try {
        $env:%(complete_var)s = "powershell_complete"
        $env:COMP_WORDS = $commandAst.ToString()
        $env:COMP_CWORD = $wordToComplete
        %(prog_name)s | ForEach-Object {
            $kind, $value, $help = $_ -split "`t", 3
            if ($kind -eq "plain") {
                if (-not $help) { $help = $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $help)
            }
        }
    } finally {
        $env:%(complete_var)s, $env:COMP_WORDS, $env:COMP_CWORD = $before
    }
}
"""


class PowerShell(ShellComplete):
    """`kind TAB value TAB help`, a line for each; files are left to PowerShell itself."""

    name = "powershell"
    source_template = _SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is written, and that one."""
        from llm_gateway.cli.check import environment  # noqa: PLC0415 - most commands need none of it

        environ = environment()
        words, incomplete = split_arg_string(environ.get("COMP_WORDS", "")), environ.get("COMP_CWORD", "")
        before = words[1:]
        if incomplete and before and before[-1] == incomplete:
            before.pop()
        return before, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """One line."""
        return f"{item.type}\t{item.value}\t{item.help or ''}"


def register() -> None:
    """Make PowerShell known to click, which knows the others."""
    add_completion_class(PowerShell)


@click.command(epilog="\b\n" + "\n".join(_PLACES.values()))
@click.argument("shell", type=click.Choice(sorted(_PLACES)))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    kind = PowerShell if shell == PowerShell.name else get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices are click's own
    click.echo(kind(context.find_root().command, {}, "llm-gateway", "_LLM_GATEWAY_COMPLETE").source())

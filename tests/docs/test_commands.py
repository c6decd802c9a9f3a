"""What a page tells somebody to type is there to be typed."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess

import click
import pytest

from documents import PAGES, ROOT, blocks, page, prose
from llm_gateway.cli.main import main as command_line

SHELL = "sh|bash|console"
OTHERS = {"deployment/llm-gateway", "deployment/docker/.env", "deployment/docker/alertmanager-secrets"}
"""A Deployment as kubectl names it, and what whoever installs it makes himself."""
_COMMAND = re.compile(r"(?:^|[;|&(])\s*(?:\$ )?(?:[A-Z_]+=\S* )*(?:\S*bin/)?llm-gateway (.*)")


def said(text: str) -> list[list[str]]:
    """The words behind `llm-gateway` in a page's shell blocks and in its inline code."""
    shell = "\n".join(blocks(text, SHELL)).replace("\\\n", " ")
    inline = [words for words in re.findall(r"`([^`\n]+)`", prose(text)) if words.startswith("llm-gateway ")]
    return [words_of(match[1]) for line in (*shell.splitlines(), *inline) for match in _COMMAND.finditer(line)]


def words_of(rest: str) -> list[str]:
    """Of a line the words of its first command."""
    lexer = shlex.shlex(rest.replace("...", "WORD"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: word[0] not in ";|&()<>", lexer))


def misunderstood(words: list[str]) -> str:
    """Why the command line would not take it; "": it would."""
    command: click.Command = command_line
    context = click.Context(command, info_name="llm-gateway", **command.context_settings)
    rest = words
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        below = command.get_command(context, rest[0])
        if below is None:
            return f"no command {rest[0]}"
        command, rest = below, rest[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    try:
        command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_line_is_one_that_there_is(file: object) -> None:
    """Commands and options of `llm-gateway` in shell blocks and inline code exist."""
    text = page(str(file))
    assert [f"{shlex.join(words)}: {why}" for words in said(text) if (why := misunderstood(words))] == []


def test_a_command_that_there_is_not_is_noticed() -> None:
    """A wrong command, a wrong option and a right line are told apart."""
    text = "```sh\nllm-gateway serv\nllm-gateway keys list --colour  # blue\nGATEWAY_URL=x llm-gateway keys list\n```\n"
    assert [bool(misunderstood(words)) for words in said(text)] == [True, True, False]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_shell_is_shell(file: object) -> None:
    """bash reads every shell block; of transcripts (console) the lines behind the prompt."""
    text = page(str(file))
    transcripts = ["\n".join(re.findall(r"^(?:\$ |    )(.*)", block, re.MULTILINE)) for block in blocks(text, "console")]
    script = "\n".join(blocks(text, "sh|bash") + transcripts)
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_scripts_files_and_targets_that_are_named_exist() -> None:
    """`deployment/...`, `scripts/...`, `tests/...` and `make X` name what is there."""
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    assert {"run", "test", "docs"} <= targets
    missing = []
    for file in PAGES:
        text = file.read_text()
        for inside in re.findall(r"`([^`\n]+)`", prose(text)) + "\n".join(blocks(text, SHELL)).splitlines():
            files = re.findall(r"(?:^|\s)((?:deployment|scripts|tests|benchmarks)/[\w./-]*\w)", inside)
            missing += [f"{file.name}: {name}" for name in files if name not in OTHERS and not (ROOT / name).exists()]
            missing += [f"{file.name}: make {name}" for name in re.findall(r"^make ([a-z-]+)", inside) if name not in targets]
    assert missing == []

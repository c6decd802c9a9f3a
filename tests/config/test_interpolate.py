"""`${...}` in files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.helpers_config import loaded, told
from llm_gateway.config.interpolate import MOST_BYTES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"), ("x-${A}-${env:A}", "x-one-one"), ("${NOPE:-two}", "two"), ("${EMPTY:-two}", "two"), ("${NOPE:-}y", "y"),
        ("$${A}", "${A}"), ("$A", "$A"), ("$$${A}", "$${A}"), ("${NOPE:-a:b/c d}", "a:b/c d"), ("a$", "a$"),
    ],
)  # fmt: skip
def test_references_are_filled_in(tmp_path: Path, text: str, value: str) -> None:
    """Variables, defaults for unset and empty ones, and the literal."""
    config = loaded(tmp_path, f'providers: {{openai: {{region: "{text}"}}}}', A="one", EMPTY="")
    assert config.providers["openai"].region == value


def test_a_filled_in_value_takes_the_type_of_its_field(tmp_path: Path) -> None:
    """Quoted or not, a number where a number is wanted, text where text is wanted."""
    text = 'server: {port: "${P}", reuse_port: "${B}", drain: "${D}"}\nproviders:\n  openai:\n    api_key: ${P}\n    region: "${B}"\n'
    config = loaded(tmp_path, text, P="9000", B="true", D="5s")
    assert (config.server.port, config.server.reuse_port, config.server.drain) == (9000, True, 5)
    assert config.providers["openai"].api_key is not None
    assert (config.providers["openai"].api_key.reveal(), config.providers["openai"].region) == ("9000", "true")


def test_what_a_variable_holds_cannot_become_structure(tmp_path: Path) -> None:
    """Line ends and YAML in a variable stay the text of one value."""
    lines = told(tmp_path, "providers:\n  openai:\n    region: ${X}\n", X="eu\n    api_key: stolen")
    assert lines == ["gateway.yaml:3:13: providers.openai.region: holds a line end or another control character"]


def test_files_are_read_and_remembered(tmp_path: Path) -> None:
    """The last line end is not part of a secret; the file counts as a source."""
    secret = tmp_path / "key"
    secret.write_bytes(b"sk-from-file\r\n")
    config = loaded(tmp_path, f"providers:\n  openai:\n    api_key: ${{file:{secret}}}\n")
    assert config.providers["openai"].api_key is not None
    assert config.providers["openai"].api_key.reveal() == "sk-from-file"
    assert config.sources == (str(tmp_path / "gateway.yaml"), str(secret))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("${NOPE}", "the environment variable NOPE is not set; set it, or write ${NOPE:-default}"),
        ("${OPENAI_API_KY}", 'the environment variable OPENAI_API_KY is not set; did you mean "OPENAI_API_KEY"?'),
        ("${A", "a ${ is not closed, or holds another one; write $${ for a literal ${"),
        ("${A:-${B}}", "a ${ is not closed, or holds another one; write $${ for a literal ${"),
        ("${}", "expected ${NAME}, ${NAME:-default}, ${file:/path} or ${vault:path#key}; write $${ for a literal ${"),
        ("${a b}", "expected ${NAME}, ${NAME:-default}, ${file:/path} or ${vault:path#key}; write $${ for a literal ${"),
        ("${valt:a#b}", 'expected ${NAME}, ${NAME:-default}, ${file:/path} or ${vault:path#key}; did you mean "vault"?'),
        ("${vault:a/b#c}", "${vault:a/b#c} was not fetched: secret stores are not asked here"),
        ("${file:/nowhere/x}", "/nowhere/x cannot be read: No such file or directory"),
        ("${file:/}", "/ is not a regular file"),
        ("${file:/dev/zero}", "/dev/zero is not a regular file"),
    ],
)
def test_what_cannot_be_filled_in_is_told_once(tmp_path: Path, text: str, line: str) -> None:
    """With its place; no value of any variable is shown."""
    found = told(tmp_path, f"providers:\n  openai:\n    api_key: '{text}'\n", OPENAI_API_KEY="sk-secret")
    assert found == [f"gateway.yaml:3:14: providers.openai.api_key: {line}"]


def test_files_that_are_no_secrets_are_refused(tmp_path: Path) -> None:
    """A pipe would wait for ever, a large file is a mistake, and so is a picture."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (MOST_BYTES + 1))
    (tmp_path / "picture").write_bytes(b"\xff\xd8")
    for name, words in (("pipe", "is not a regular file"), ("large", "is larger than"), ("picture", "is not UTF-8 text")):
        (line,) = told(tmp_path, f"providers:\n  openai:\n    api_key: ${{file:{tmp_path}/{name}}}\n")
        assert words in line


def test_a_wrong_value_from_a_variable_is_not_shown(tmp_path: Path) -> None:
    """Only the variable's name is."""
    lines = told(tmp_path, "translation:\n  on_loss: ${KEY}\n", KEY="sk-secret")
    assert lines == ["gateway.yaml:2:12: translation.on_loss: expected drop or refuse, found what ${KEY} holds"]


def test_an_anchor_is_filled_in_once(tmp_path: Path) -> None:
    """Its aliases do not repeat what is wrong with it."""
    assert len(told(tmp_path, "providers:\n  openai: &a\n    api_key: ${NOPE}\n  anthropic: *a\n  vllm: {<<: *a}\n")) == 1

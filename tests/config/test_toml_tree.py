"""TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

TEXT = """\
[server]
port = 9001
limits.body = "1MB"

[providers.openai]
api_key = "sk-secret-value"

[models]
"gpt-4.1" = "openai/gpt-4.1"

[[auth.keys]]
name = "a"
key = "sk-gateway-0123456789"
expires = 2030-01-01T00:00:00Z

[api.versions.v1]
sunset = 2027-01-31
"""


def test_a_toml_file_means_what_the_yaml_file_means(tmp_path: Path) -> None:
    """Sections, dotted keys, quoted keys, lists of tables and its own dates."""
    config = loaded(tmp_path, TEXT, name="gateway.toml")
    assert (config.server.port, config.server.limits.body) == (9001, 1 << 20)
    assert config.models["gpt-4.1"].deployments[0].model == "openai/gpt-4.1"
    assert config.auth.keys[0].expires is not None
    assert str(config.api.versions.v1.sunset) == "2027-01-31"


def test_problems_have_places(tmp_path: Path) -> None:
    """The key's for an unknown key, the value's for a wrong value, the entry's own of several tables."""
    text = TEXT + '[[auth.keys]]\n  nam = "b"\n  key = "short"\n'
    assert told(tmp_path, text, name="gateway.toml") == [
        "gateway.toml:18:1: auth.keys[1]: needs name",
        'gateway.toml:19:3: auth.keys[1].nam: unknown key; did you mean "name"?',
    ]
    assert told(tmp_path, TEXT.replace("9001", '"x"'), name="gateway.toml") == [
        "gateway.toml:2:8: server.port: expected a whole number from 0 to 65535, found text"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = sk-secret\n", "gateway.toml:2:5: is not valid TOML: invalid value"),
        ("a = 1\na = 2\n", "gateway.toml:2:6: is not valid TOML: cannot overwrite a value"),
        ("a = " + "[" * 5000, "gateway.toml: is nested more than 32 levels deep"),
        ("a = [", "gateway.toml:1:1: is not valid TOML: invalid value"),
    ],
)
def test_what_is_not_toml_is_refused(tmp_path: Path, text: str, line: str) -> None:
    """With its place and without its text."""
    assert told(tmp_path, text, name="gateway.toml") == [line]


def test_a_number_without_end(tmp_path: Path) -> None:
    """Python refuses to read thousands of digits; that is a problem of the file, not a crash."""
    assert len(told(tmp_path, "a = " + "9" * 9000, name="gateway.toml")) == 1

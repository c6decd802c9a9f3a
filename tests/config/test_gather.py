"""What a configuration wants from secret stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.gather import Gathered, Reference, gather


def written(folder: Path, text: str) -> Path:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return file


def test_references_are_found_once_each(tmp_path: Path) -> None:
    """In the file and in flags, several in one text; with the settings of stores and of the network."""
    text = """
network: {dns_ttl: 7s}
secrets: {cache: 1m, vault: {address: "${ADDRESS}"}}
providers:
  openai: {api_key: "${vault:a/b#c}", region: "x-${aws-sm:name}-${vault:a/b#c}"}
"""
    flags = ("providers.openai.organization=${gcp-sm:projects/p/secrets/s}",)
    found = gather(written(tmp_path, text), overrides=flags, environ={"ADDRESS": "https://vault.example"})
    assert found.references == (
        Reference("aws-sm", "name"), Reference("gcp-sm", "projects/p/secrets/s"), Reference("vault", "a/b#c"),
    )  # fmt: skip
    assert (found.secrets.cache, found.secrets.vault.address, found.network.dns_ttl) == (60, "https://vault.example", 7)
    assert str(found.references[0]) == "${aws-sm:name}"


def test_a_variable_overrides_the_stores_settings(tmp_path: Path) -> None:
    """As it does for every other section."""
    file = written(tmp_path, "providers: {openai: {api_key: '${vault:a/b#c}'}}\n")
    environ = {"GATEWAY_SECRETS__VAULT__ADDRESS": "https://vault.example"}
    assert gather(file, environ=environ).secrets.vault.address == "https://vault.example"


def test_without_references_nothing_is_wanted(tmp_path: Path) -> None:
    """Nor are mistakes told here: load tells them all."""
    assert gather(written(tmp_path, "secrets: {vault: {adress: x}}\nserver: 1\n"), environ={}) == Gathered()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("secrets: {vault: {token: '${vault:a/b#c}'}}", "1:26: secrets.vault.token: is needed to reach the secret stores"),
        ("network: {ca_file: '${aws-sm:x}'}", "1:20: network.ca_file: is needed to reach the secret stores"),
        ("secrets: {vault: {adress: x}, master_key: '${vault:a/b#c}'}", "1:19: secrets.vault.adress: unknown key"),
    ],
)
def test_a_store_cannot_tell_how_it_is_reached(tmp_path: Path, text: str, line: str) -> None:
    """Such settings, and those that are wrong, are told before anything is fetched; a master key may come from a store."""
    with pytest.raises(ConfigErrors) as caught:
        gather(written(tmp_path, text), environ={})
    assert line in str(caught.value)


def test_a_master_key_may_come_from_a_store(tmp_path: Path) -> None:
    """It is not needed to reach one."""
    assert gather(written(tmp_path, "secrets: {master_key: '${vault:a/b#c}'}"), environ={}).references

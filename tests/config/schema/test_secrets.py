"""`secrets`: what contradicts itself is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("vault: {token: x, approle: {role_id: r}}", "secrets.vault.approle: contradicts token: say one of them"),
        ("vault: {address: 'http://vault.example'}", "secrets.vault.address: must begin with https://: secrets are sent there"),
        ("vault: {address: vault}", "secrets.vault.address: expected a URL such as https://host"),
        ("aws: {endpoint: 'https://a?b'}", "secrets.aws.endpoint: expected a URL such as https://host"),
        ("aws: {access_key_id: x}", "secrets.aws: needs both access_key_id and secret_access_key, or neither"),
        ("azure: {url: 'https://x'}", "secrets.azure.url: needs {vault} where the vault's name goes"),
        ("azure: {url: 'http://{vault}.x'}", "secrets.azure.url: must begin with https://: secrets are sent there"),
        ("timeout: 2m", "secrets.timeout: may be 60s at most"),
        ("cache: 0", "secrets.cache: must be more than 0"),
        (
            "old_master_keys: [x]",
            "secrets.old_master_keys: needs master_key; those of the state directory stand in its master.key",
        ),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: str) -> None:
    """Each with its key."""
    assert [one.split(": ", 1)[1] for one in told(tmp_path, f"secrets:\n  {text}\n")] == [line]


def test_everything_has_a_default(tmp_path: Path) -> None:
    """The usual places, for five minutes, with ten seconds for each."""
    said = loaded(tmp_path, "secrets: {aws: {profile: work}}\n").secrets
    assert (said.cache, said.timeout, said.aws.profile, said.master_key) == (300, 10, "work", None)

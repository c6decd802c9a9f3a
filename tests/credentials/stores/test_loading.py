"""From a file with references to a configuration, and the mistakes on the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.helpers_config import TYPES
from credentials.stores.support import run
from fakes.secret_stores import FakeVault, running
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.interpolate import Resolve
from llm_gateway.config.load import load, redacted
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.stores.keeper import Keeper
from llm_gateway.credentials.stores.loading import SecretsAway, load_now, load_with_secrets, offline

ENVIRON = {"VAULT_TOKEN": "root-token"}


def reader(file: Path, environ: Mapping[str, str], overrides: tuple[str, ...] = ()) -> Any:
    def read(resolve: Resolve) -> Config:
        return load(file, overrides=overrides, environ=environ, provider_types=TYPES, resolve=resolve)

    return read


def written(folder: Path, url: str, text: str) -> Path:
    file = folder / "gateway.yaml"
    file.write_text(f"secrets: {{vault: {{address: '{url}'}}, timeout: 2s}}\n{text}")
    return file


async def loaded(file: Path, keeper: Keeper, overrides: tuple[str, ...] = ()) -> Config:
    read = reader(file, ENVIRON, overrides)
    return await load_with_secrets(file, overrides, ENVIRON, keeper=keeper, read=read)


def test_references_are_filled_in_and_never_shown(tmp_path: Path) -> None:
    """In a file and in --set, alone and inside a text, as text and as number; another value is another digest."""

    async def main() -> None:
        async with running(FakeVault()) as vault:
            vault.secrets["secret/data/app"] = {"key": "sk-one-0123456789", "port": 9000, "region": "central"}
            text = "providers:\n  openai: {api_key: '${vault:secret/app#key}'}\nserver: {port: '${vault:secret/app#port}'}\n"
            file, keeper = written(tmp_path, vault.url, text), Keeper(FakeClock())
            flags = ("providers.openai.region=eu-${vault:secret/app#region}",)
            config = await loaded(file, keeper, flags)
            assert config.providers["openai"].api_key is not None
            assert config.providers["openai"].api_key.reveal() == "sk-one-0123456789"
            assert (config.server.port, config.providers["openai"].region) == (9000, "eu-central")
            assert "sk-one" not in repr(redacted(config))
            assert "sk-one" not in repr(config)
            vault.secrets["secret/data/app"]["key"] = "sk-two-0123456789"
            again = await load_with_secrets(file, flags, ENVIRON, keeper=keeper, read=reader(file, ENVIRON, flags), fresh=True)
            assert again.digest != config.digest
            await keeper.close()

    run(main())


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    """A secret that is not there beside a mistake that has nothing to do with stores."""

    async def main() -> None:
        async with running(FakeVault()) as vault:
            text = "providers:\n  openai:\n    api_key: ${vault:secret/app#key}\nserver:\n  prot: 1\n"
            file, keeper = written(tmp_path, vault.url, text), Keeper(FakeClock())
            with pytest.raises(SecretsAway) as caught:
                await loaded(file, keeper)
            lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
            assert lines[1].startswith(
                "gateway.yaml:4:14: providers.openai.api_key: the secret cannot be fetched: Vault has no such"
            )
            assert lines[2].startswith("gateway.yaml:6:3: server.prot: unknown key")
            await keeper.close()

    run(main())


def test_a_mistake_elsewhere_is_no_absence(tmp_path: Path) -> None:
    """SecretsAway means that trying again may help."""

    async def main() -> None:
        async with running(FakeVault()) as vault:
            vault.secrets["secret/data/app"] = {"key": "sk-one-0123456789"}
            text = "providers:\n  openai: {api_key: '${vault:secret/app#key}', prot: 1}\n"
            file, keeper = written(tmp_path, vault.url, text), Keeper(FakeClock())
            with pytest.raises(ConfigErrors) as caught:
                await loaded(file, keeper)
            assert not isinstance(caught.value, SecretsAway)
            await keeper.close()

    run(main())


def test_a_file_without_references_is_read_once(tmp_path: Path) -> None:
    """And no store is opened for it."""
    file = written(tmp_path, "https://127.0.0.1:1", "server: {port: 1}\n")
    reads = 0

    def read(resolve: Resolve) -> Config:
        nonlocal reads
        reads += 1
        made: Config = reader(file, {})(resolve)
        return made

    assert load_now(file, (), {}, clock=FakeClock(), read=read).server.port == 1
    assert reads == 1


def test_commands_wait_for_the_values(tmp_path: Path) -> None:
    """Inside a running loop too: a gateway that reads its configuration again by itself."""

    async def main() -> None:
        import asyncio

        async with running(FakeVault()) as vault:
            vault.secrets["secret/data/app"] = {"key": "sk-one-0123456789"}
            file = written(tmp_path, vault.url, "providers:\n  openai: {api_key: '${vault:secret/app#key}'}\n")
            read = reader(file, ENVIRON)
            config = await asyncio.to_thread(lambda: load_now(file, (), ENVIRON, clock=FakeClock(), read=read))
            assert config.providers["openai"].api_key is not None

    run(main())


def test_everything_else_can_be_checked_offline(tmp_path: Path) -> None:
    """Values stand in for secrets wherever they go; what is wrong elsewhere, or with the reference itself, is told."""
    text = "providers:\n  openai: {api_key: '${vault:secret/app#key}'}\nserver: {port: '${vault:secret/app#port}'}\n"
    file = written(tmp_path, "https://127.0.0.1:1", text)
    assert reader(file, {})(offline).providers["openai"].api_key is not None
    file = written(tmp_path, "https://127.0.0.1:1", text + "api: {version: 1}\nstate: {dir: '${vault:app}'}\n")
    with pytest.raises(ConfigErrors) as caught:
        reader(file, {})(offline)
    assert [problem.path for problem in caught.value.problems] == ["api.version", "state.dir"]

"""The documentation is true: what the code has is described, what is described works, what is linked exists."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from msgspec import inspect as mi

from documents import DOCS, PAGES, ROOT, SOURCE, anchors, blocks, code, error_codes, links, page
from llm_gateway.cli.main import main as command_line
from llm_gateway.config.environment import OWN
from llm_gateway.config.load import load, search_path
from llm_gateway.config.schema import Sections
from llm_gateway.credentials.stores.loading import offline
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import PROVIDER_TYPES, option_names
from whole_gateway import whole_gateway

VARIABLES = dict.fromkeys(
    ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "TOGETHER_API_KEY", "MY_APP_KEY", "EU_KEY", "WEB_KEY", "BATCH_KEY", "OKTA_SECRET"),
    "a-value-of-sixteen-characters",
)
"""What the examples refer to. Each key is made another, since two keys of one configuration must differ."""


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generator", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    wanted = generator().rendered(DOCS)
    assert [name for name, text in wanted.items() if (DOCS / name).read_text() != text] == []


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--check ends with 1 for a page that is out of date and leaves it alone; without --check it is written."""
    docs = generator()
    for name in ("CONFIGURATION.md", "PROVIDERS.md", "CLI.md", "ADMIN-API.md", "METRICS.md", "gateway.schema.json"):
        shutil.copy(DOCS / name, tmp_path / name)
    file = tmp_path / "CONFIGURATION.md"
    file.write_text(file.read_text().replace("| `server.port` |", "| `server.harbour` |"))
    before = file.read_text()
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert (docs.main(check=True), file.read_text()) == (1, before)
    assert docs.main(check=False) == 0
    assert docs.main(check=True) == 0
    assert "| `server.port` |" in file.read_text()


def keys(kind: mi.Type, path: str) -> Iterator[str]:
    """The path of every key below `path`, as CONFIGURATION.md writes it; a provider's options stand beside its other keys."""
    match kind:
        case mi.Metadata():
            yield from keys(kind.type, path)
        case mi.UnionType():
            for one in kind.types:
                yield from keys(one, path)
        case mi.DictType():
            yield from keys(kind.value_type, f"{path}.NAME")
        case mi.VarTupleType():
            yield from keys(kind.item_type, f"{path}[]")
        case mi.StructType():
            for field in kind.fields:
                if path.endswith(".NAME") and field.name == "options":
                    yield from keys(field.type, path)
                else:
                    name = f"{path}.{field.encode_name}".lstrip(".")
                    yield from (name,) if path else ()
                    yield from keys(field.type, name)


def test_every_configuration_key_is_documented() -> None:
    """Each key of the schema has its row in CONFIGURATION.md, with a meaning."""
    text = page("docs/CONFIGURATION.md")
    rows = dict(re.findall(r"^\| `([^`]+)` \| .* \| (.*) \|$", text, re.MULTILINE))
    wanted = set(keys(mi.type_info(Sections), ""))
    assert {"server.port", "providers.NAME.tls.cert", "providers.NAME.fault", "auth.keys[].name"} <= wanted
    assert sorted(key for key in wanted if not rows.get(key)) == []


def test_places_variables_and_types_are_documented() -> None:
    """Where a file is looked for, the variables that are no keys, and every provider type with its variable."""
    text = page("docs/CONFIGURATION.md")
    wanted = {*search_path({"HOME": "~"}), *OWN, *PROVIDER_TYPES}
    wanted |= {kind.key_variable for kind in PROVIDER_TYPES.values() if kind.key_variable}
    assert sorted(word for word in wanted if f"`{word}`" not in text and f"`${word}`" not in text) == []


def test_every_provider_stands_in_its_table() -> None:
    """PROVIDERS.md has a row for each type in both tables, and the second one names each dialect that it speaks."""
    who, what = page("docs/PROVIDERS.md").split("## What they speak")
    heads = re.search(r"^\| type \| (.*) \|$", what, re.MULTILINE)
    assert heads is not None
    spoken = heads[1].split(" | ")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", what, re.MULTILINE))
    for name, kind in PROVIDER_TYPES.items():
        assert f"| `{name}` |" in who
        assert {dialect for dialect, cell in zip(spoken, rows[name].split(" | "), strict=True) if cell.strip()} == set(
            kind.endpoints
        )


EXAMPLES = [
    pytest.param(text, id=f"{file.relative_to(ROOT)}-{number}")
    for file in PAGES
    for number, text in enumerate(blocks(file.read_text(), "yaml"))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_load(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every YAML block of the documentation is a configuration that would be served, from a place that has what it names."""
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"\$\{file:([^}]+)\}", text):
        secret = tmp_path / Path(name).name
        secret.write_text("a-secret\n")
        text = text.replace(name, str(secret))
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    environ = {name: f"{value}-{name}" for name, value in VARIABLES.items()}
    config = load(file, environ=environ, provider_types=option_names(), dialects=DIALECTS, resolve=offline)
    assert config.providers


COMMANDS = {
    "llm-gateway": command_line,
    **{f"llm-gateway {name}": command_line.get_command(None, name) for name in command_line.list_commands(None)},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    """CLI.md has a chapter for each command, and in it each option."""
    command = COMMANDS[name]
    found = re.search(rf"^## `{name}`\n(.*?)(?=^## |\Z)", page("docs/CLI.md"), re.DOTALL | re.MULTILINE)
    assert found, f"no chapter for {name}"
    options = [option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts]
    assert [option for option in options if option not in found[1]] == []


def test_every_endpoint_is_documented() -> None:
    """API.md names every path that answers."""

    async def paths() -> set[str]:
        async with whole_gateway(
            {"providers": {"a": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"}}}
        ) as gateway:
            world = gateway.app.world
            return {path.decode() for path in (*world.fronts, *world.exact, *(prefix for prefix, _, _ in world.prefixes))}

    text = page("docs/API.md")
    assert sorted(path for path in asyncio.run(paths()) if path not in text) == []


def test_every_header_is_documented() -> None:
    """API.md names every X-Gateway header that is read or written. (cors.py only lists what pages may read, if it comes.)"""
    found = {name for text in code(without="cors.py") for name in re.findall(r"(?i)x-gateway-[a-z]+(?:-[a-z]+)*", text)}
    assert len(found) > 5
    text = (page("docs/API.md") + page("docs/ADMIN-API.md")).lower()
    assert sorted(name for name in {name.lower() for name in found} if name not in text) == []


def test_every_error_code_is_documented() -> None:
    """API.md has every code that a caller can be told by the gateway itself, ADMIN-API.md those of the admin port."""
    text = page("docs/API.md") + page("docs/ADMIN-API.md")
    assert len(error_codes()) > 20
    assert sorted(code for code in error_codes() if f"`{code}`" not in text) == []


def test_every_dependency_has_its_reason() -> None:
    """0002-dependencies.md names each library of pyproject.toml and of the local model's requirements."""
    project = tomllib.loads(page("pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *(one for group in project["dependency-groups"].values() for one in group)]
    wanted += page("requirements/local.in").split()
    names = {re.match(r"[A-Za-z0-9-]+", one)[0].lower() for one in wanted if isinstance(one, str)}  # type: ignore[index]
    assert len(names) > 10
    text = page("docs/decisions/0002-dependencies.md").lower()
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", text)) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    """Relative links name files that exist and headings that stand in them."""
    broken = []
    for link in links(file.read_text()):
        name, _, anchor = link.partition("#")
        target = (file.parent / name) if name else file
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


def test_nothing_of_a_workplace_is_named() -> None:
    """No path of somebody's machine stands in a page."""
    found = [
        f"{file.name}: {line}" for file in PAGES for line in re.findall(r".*/(?:home|root|Users|tmp)/\w.*", file.read_text())
    ]
    assert found == []


def test_decisions_are_listed() -> None:
    """Every record stands in the list, and says what its status is."""
    listing = page("docs/decisions/README.md")
    records = [file for file in (DOCS / "decisions").glob("*.md") if file.name != "README.md"]
    assert records
    for file in records:
        text = file.read_text()
        assert f"({file.name})" in listing
        assert text.startswith(f"# {file.name[:4]}: ")
        assert re.search(r"^Status: (accepted|superseded by \d{4})", text, re.MULTILINE)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_adding_a_provider_works_as_described(tmp_path: Path) -> None:
    """The steps of CONTRIBUTING.md, done to a copy of the source, make a provider that passes its contract unedited."""
    shutil.copytree(SOURCE, tmp_path / "src" / "llm_gateway", ignore=shutil.ignore_patterns("__pycache__"))
    text = page("CONTRIBUTING.md").partition("## Add a provider")[2]
    write, contract, *_ = blocks(text, "sh")
    subprocess.run(["sh", "-ec", write], cwd=tmp_path, check=True)
    name = re.search(r"-k (\w+)", contract)
    assert name is not None
    ran = run_contract(name[1], {"PYTHONPATH": str(tmp_path / "src")})
    assert ran.returncode == 0, ran.stdout
    assert int(re.search(r"(\d+) passed", ran.stdout)[1]) >= 4  # type: ignore[index]
    assert run_contract(name[1], {}).returncode == 5  # without those steps there is nothing of that name


def run_contract(name: str, variables: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    folders = ("tests/contract", "tests/providers/test_declared.py")
    command = [sys.executable, "-m", "pytest", *folders, "-k", name, "-q", "-p", "no:randomly", "-p", "no:xdist"]
    return subprocess.run(command, cwd=ROOT, env=clean | variables, capture_output=True, text=True, check=False)

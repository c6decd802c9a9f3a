"""The list of what the gateway needs, and what may be in it: locks, digests, licences."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts_support import ROOT, loaded

script = loaded("sbom")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PERMISSIVE = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense", "0BSD",
}  # fmt: skip
"""What may stand beside Apache-2.0 without a condition that reaches our own code. MPL-2.0 asks for changed files of its own only."""

SEEN = {"psycopg": "LGPL-3.0-only", "psycopg-binary": "LGPL-3.0-only"}
"""A library that is imported unchanged and can be replaced by whoever runs this, which is what the LGPL asks for
(docs/decisions/0002-dependencies.md)."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def acceptable(expression: str) -> bool:
    """An SPDX expression of permissive licences: of `A OR B` one is enough, of `A AND B` both count."""
    return any(
        all(part.strip(" ()") in PERMISSIVE for part in choice.split(" AND "))
        for choice in expression.replace("(", "").split(" OR ")
    )


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return dict(script.document())


def test_everything_that_is_locked_is_listed(made: dict[str, Any]) -> None:
    """Each package of requirements/run.txt with its version and every digest that pip would accept."""
    lock = (ROOT / "requirements" / "run.txt").read_text()
    listed = {(part["name"], part["version"]) for part in made["components"]}
    assert listed == set(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock, re.MULTILINE))
    digests = [digest["content"] for part in made["components"] for digest in part["externalReferences"][0]["hashes"]]
    assert sorted(digests) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))


def test_who_needs_whom(made: dict[str, Any]) -> None:
    """The gateway's own needs are those of pyproject.toml, and everything is needed by something that is needed."""
    needs = {entry["ref"]: entry["dependsOn"] for entry in made["dependencies"]}
    itself = made["metadata"]["component"]["purl"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {normal(re.match(r"[\w.-]+", line)[0]) for line in project["dependencies"]}  # type: ignore[index]
    assert {ref.removeprefix("pkg:pypi/").split("@")[0] for ref in needs[itself]} - {"psycopg-binary"} == named
    reached, left = set(), [itself]
    while left:
        ref = left.pop()
        if ref not in reached:
            reached.add(ref)
            left += needs[ref]
    assert reached == set(needs) == {part["bom-ref"] for part in made["components"]} | {itself}


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no clock in it: two releases of the same can be compared."""
    for name in ("a.json", "b.json"):
        assert script.main([str(tmp_path / name)]) == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["serialNumber"].startswith("urn:uuid:")
    assert "packages, the licence of" in capsys.readouterr().out


def test_a_condition_is_told(made: dict[str, Any]) -> None:
    """What is only for some machines says for which."""
    tzdata = next(part for part in made["components"] if part["name"] == "tzdata")
    assert tzdata["properties"] == [{"name": "llm-gateway:only-if", "value": "sys_platform == 'win32'"}]


def test_a_line_that_no_lock_has_is_refused() -> None:
    """Nothing is left out in silence."""
    with pytest.raises(ValueError, match="git"):
        script.read_lock("alembic==1 \\\n    --hash=sha256:" + "0" * 64 + "\nx @ git+https://example.com/x\n")


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_locks_are_locked(file: Path) -> None:
    """Each package of each lock has its exact version and its digests; no address, no option, nothing editable is in there."""
    packages = script.read_lock(file.read_text())
    assert packages
    assert [package.name for package in packages if not package.digests] == []
    assert re.findall(r"https?:|git\+|^-|^\S+ @ |index-url", file.read_text(), re.MULTILINE) == []


@pytest.mark.parametrize(("lock", "groups"), [("run", []), ("dev", ["test", "check"])])
def test_locks_are_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    """What pyproject.toml names is locked, in a version that it allows; what it does not name came with something else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *(line for group in groups for line in project["dependency-groups"][group])]
    locked = {package.name: package for package in script.read_lock((ROOT / "requirements" / f"{lock}.txt").read_text())}
    for line in asked:
        name, least = re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        package = locked[normal(name)]
        assert [int(part) for part in re.findall(r"\d+", package.version)] >= [int(part) for part in least.split(".")], line
    direct = {name for name, package in locked.items() if any(parent.startswith("llm-gateway") for parent in package.needed_by)}
    assert direct - {"psycopg-binary"} == {normal(re.match(r"[\w.-]+", line)[0]) for line in asked}  # type: ignore[index]


def test_tests_run_on_what_is_shipped() -> None:
    """requirements/dev.txt has each package of run.txt in the same version."""
    run, dev = (
        {package.name: package.version for package in script.read_lock((ROOT / "requirements" / f"{name}.txt").read_text())}
        for name in ("run", "dev")
    )
    assert {name: dev.get(name) for name in run} == run


def test_licences_allow_what_we_do(made: dict[str, Any]) -> None:
    """Every package that is installed with the gateway has a licence that may stand beside Apache-2.0, or one that was looked at."""
    for part in made["components"]:
        if part.get("properties") == [{"name": "llm-gateway:only-if", "value": "sys_platform == 'win32'"}]:
            continue  # not installed on any system that the gateway runs on
        told = script.licence(part["name"])
        assert told is not None, part["name"]
        assert acceptable(told) or SEEN.get(part["name"]) == told, (part["name"], told)


@pytest.mark.parametrize(("expression", "fine"), [
    ("MIT", True),
    ("Apache-2.0 OR GPL-3.0-only", True),
    ("Apache-2.0 AND BSD-2-Clause", True),
    ("MIT AND GPL-3.0-only", False),
    ("AGPL-3.0-or-later", False),
    ("LGPL-3.0-only", False),
])  # fmt: skip
def test_expressions_are_read(expression: str, fine: bool) -> None:
    """Of a choice one licence must do, of a sum each."""
    assert acceptable(expression) is fine


def test_licences_are_found_where_packages_tell_them() -> None:
    """As an expression, in an old field, or as a classifier; a package that is not there has none, nor one in another version."""
    assert script.licence("alembic") == "MIT"
    assert script.licence("protobuf") == "BSD-3-Clause"
    assert script.licence("mdurl") == "MIT"
    assert script.licence("no-such-package") is None
    assert script.licence("alembic", "0.0.1") is None


@pytest.mark.deployment
def test_the_schema_of_cyclonedx(tmp_path: Path) -> None:
    """The document is what CycloneDX 1.6 asks for, as its own Python library has it; one without a type is not."""
    found = list(ROOT.glob("build/checkers/lib/python3.*/site-packages/cyclonedx/schema/_res/bom-1.6*.json"))
    if not found:
        pytest.skip("the checkers are not set up; `make test-deployment` does it")
    import jsonschema
    from referencing import Registry, Resource

    schemas = {file.name.replace(".SNAPSHOT", ""): json.loads(file.read_text()) for file in found[0].parent.glob("*.json")}
    registry = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", Resource.from_contents(text)) for name, text in schemas.items()
    )
    check = jsonschema.Draft7Validator(schemas["bom-1.6.schema.json"], registry=registry)
    made = script.document()
    assert list(check.iter_errors(made)) == []
    del made["components"][0]["type"]
    assert list(check.iter_errors(made)) != []

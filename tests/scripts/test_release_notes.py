"""What a release's page says, and the form of CHANGELOG.md that it is read from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts_support import ROOT, loaded

script = loaded("release_notes")
LOG = """# Changelog

## [Unreleased]

### Added

- Something that is coming ([how](docs/NEW.md), [here](#x), [there](https://example.com/a)).

## [1.2.0] - 2026-03-04

### Fixed

- A fault.

## [1.1.0] - 2026-02-30

- A day that there was not.

## [1.0.0] - 2026-01-02
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of version 1.2.0, not known to be on any server."""
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "src" / "llm_gateway").mkdir(parents=True)
    (tmp_path / "CHANGELOG.md").write_text(LOG)
    return versioned(tmp_path, "1.2.0")


def versioned(root: Path, version: str) -> Path:
    (root / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (root / "src" / "llm_gateway" / "_version.py").write_text(f'__version__ = "{version}"\n')
    return root


def test_the_notes_of_a_version(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are its section without the heading, and nothing of the next one."""
    assert script.main(["1.2.0"], project) == 0
    assert capsys.readouterr().out == "### Fixed\n\n- A fault.\n"
    assert script.main(["--tag", "v1.2.0"], project) == 0
    assert capsys.readouterr().out == "### Fixed\n\n- A fault.\n"


@pytest.mark.parametrize(("version", "reason"), [
    ("1.3.0", "no section [1.3.0]"),
    ("1.1.0", "[1.1.0] has no date"),
    ("1.0.0", "says nothing about [1.0.0]"),
    ("1.2", "no version such as"),
    ("Unreleased", "no version such as"),
])  # fmt: skip
def test_a_version_without_notes_is_refused(project: Path, capsys: pytest.CaptureFixture[str], version: str, reason: str) -> None:
    """A release without a section, text or day ends with 1 and says which."""
    assert script.main([version], project) == 1
    told = capsys.readouterr()
    assert (told.out, reason in told.err) == ("", True)


def test_a_candidate_has_the_notes_of_what_is_coming(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it has a section of its own; Python writes its version without the dots."""
    assert script.main(["--tag", "v1.3.0-rc.1"], versioned(project, "1.3.0rc1")) == 0
    assert "Something that is coming" in capsys.readouterr().out


@pytest.mark.parametrize("tag", ["v1.2.1", "1.2.0", "v1.2.0-rc.1"])
def test_a_tag_must_be_the_version_of_the_code(project: Path, capsys: pytest.CaptureFixture[str], tag: str) -> None:
    """Another version, or a tag without v, is refused."""
    assert script.main(["--tag", tag], project) == 1
    assert capsys.readouterr().err.startswith("release_notes.py: ")


def test_each_place_of_the_version_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """pyproject.toml and the package must say the same."""
    (project / "src" / "llm_gateway" / "_version.py").write_text('__version__ = "1.1.9"\n')
    assert script.main(["--tag", "v1.2.0"], project) == 1
    assert "_version.py says 1.1.9" in capsys.readouterr().err


def test_links_lead_into_the_repository(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the release's own commit; anchors and whole addresses stay."""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "a/b")
    assert script.main(["1.3.0-rc.1"], project) == 0
    told = capsys.readouterr().out
    assert "[how](https://git.example/a/b/blob/v1.3.0-rc.1/docs/NEW.md)" in told
    assert "[here](#x)" in told
    assert "[there](https://example.com/a)" in told


def test_a_version_that_stands_twice_is_refused() -> None:
    """Nobody could say which of the two is meant."""
    with pytest.raises(script.Wrong, match="twice"):
        script.sections("## [1.0.0] - 2026-01-01\n\nx\n\n## [1.0.0] - 2026-01-02\n\ny\n")


def test_the_changelog_has_its_form() -> None:
    """[Unreleased] first, then versions from the newest on; kinds of changes by their names, none twice, none empty."""
    text = (ROOT / "CHANGELOG.md").read_text()
    known = script.sections(text)
    assert len(known) == len(re.findall("^## ", text, re.MULTILINE))
    assert next(iter(known)) == "Unreleased"
    released = list(known)[1:]
    for version in released:
        assert script.notes(text, version)
    assert released == sorted(released, key=lambda version: [int(part) for part in re.findall(r"\d+", version)], reverse=True)
    for version, (_, body) in known.items():
        kinds = re.findall(r"^### (.+)$", body, re.MULTILINE)
        assert len(kinds) == len(set(kinds)), version
        assert set(kinds) <= set(script.KINDS), version
        for part in re.split(r"^### .+$", body, flags=re.MULTILINE)[1:]:
            assert re.match(r"\s*- \S", part), version

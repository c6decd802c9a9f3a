#!/usr/bin/env python3
"""Prints what CHANGELOG.md says about a version: the text of a release's page.

    release_notes.py 1.2.3          its section
    release_notes.py --tag v1.2.3   the same, after checking that the tag is the version of the code; ends with 1 if it is not

A candidate (1.2.3-rc.1) without a section of its own has the notes of [Unreleased]. Links into the repository are made whole where
GITHUB_SERVER_URL and GITHUB_REPOSITORY say where it is: a release's page is no place from which relative links lead anywhere.
Only the standard library: a release needs nothing installed to know its notes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNRELEASED = "Unreleased"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?(?: \[YANKED\])?$", re.MULTILINE)
VERSION = re.compile(r"\d+\.\d+\.\d+(-(?P<kind>alpha|beta|rc)\.\d+)?")


class Wrong(Exception):
    """Something that would make a wrong release; the message says what."""


def sections(text: str) -> dict[str, tuple[str | None, str]]:
    """Each version of a changelog with its date (None: none) and its text, newest first."""
    found = list(HEADING.finditer(text))
    ends = [heading.start() for heading in found[1:]] + [len(text)]
    made: dict[str, tuple[str | None, str]] = {}
    for heading, end in zip(found, ends, strict=True):
        if heading["version"] in made:
            raise Wrong(f"CHANGELOG.md has [{heading['version']}] twice")
        made[heading["version"]] = (heading["date"], text[heading.end() : end].strip())
    return made


def notes(text: str, version: str) -> str:
    """The text of a version. Raises Wrong where there is none, it is empty, or a release has no day."""
    if VERSION.fullmatch(version) is None:
        raise Wrong(f"{version!r} is no version such as 1.2.3 or 1.2.3-rc.1")
    known = sections(text)
    name = version if version in known or "-" not in version else UNRELEASED
    if name not in known:
        raise Wrong(f"CHANGELOG.md has no section [{version}]: rename [{UNRELEASED}] to it, with today's date")
    day, body = known[name]
    if not body:
        raise Wrong(f"CHANGELOG.md says nothing about [{name}]")
    if name != UNRELEASED:
        try:
            date.fromisoformat(day or "")
        except ValueError:
            raise Wrong(f"[{name}] has no date: ## [{name}] - 2026-01-31") from None
    return body + "\n"


def python_version(version: str) -> str:
    """How Python's packages write a version: 1.2.3-rc.1 is 1.2.3rc1."""
    return version.replace("-alpha.", "a").replace("-beta.", "b").replace("-rc.", "rc")


def check_tag(tag: str, root: Path) -> str:
    """The version that a tag names. Raises Wrong unless pyproject.toml and the package itself say the same."""
    version = tag.removeprefix("v")
    if tag == version:
        raise Wrong(f"{tag!r} is no tag of a version: they begin with v")
    wanted = python_version(version)
    told = {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"],
        "src/llm_gateway/_version.py": re.findall(r'"(.+)"', (root / "src" / "llm_gateway" / "_version.py").read_text())[0],
    }
    for file, found in told.items():
        if found != wanted:
            raise Wrong(f"the tag is {tag}, but {file} says {found}")
    return version


def whole_links(text: str, base: str) -> str:
    """Relative links with an address in front: `docs/X.md` is `BASE/docs/X.md`."""
    return re.sub(r"\]\((?!https?://|#)([^)\s]+)\)", rf"]({base}/\1)", text)


def main(arguments: list[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Notes of a version from CHANGELOG.md")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("version", nargs="?")
    which.add_argument("--tag")
    asked = parser.parse_args(arguments)
    try:
        version = check_tag(asked.tag, root) if asked.tag else asked.version
        text = notes((root / "CHANGELOG.md").read_text(), version)
    except Wrong as wrong:
        print(f"release_notes.py: {wrong}", file=sys.stderr)
        return 1
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    if server and repository:
        text = whole_links(text, f"{server}/{repository}/blob/v{version}")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

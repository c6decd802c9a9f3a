"""Gathers the pages of the documentation into build/site-pages, from where zensical makes a site of them (mkdocs.yml).

Links are written for whoever reads the repository. Here those to pages of the site are turned to where these stand in it, and those to
other files (source, tests, deployment) become plain text, or links into the repository where REPOSITORY says its address.

    python scripts/site.py         REPOSITORY=https://git.example.com/me/llm-gateway/blob/main
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "build" / "site-pages"
FROM_ELSEWHERE = {
    "README.md": "START.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "REPORTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "benchmarks/RESULTS.md": "RESULTS.md",
}
"""Pages that stand outside of docs/, and their names in the site."""
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def main(pages: Path = PAGES, repository: str = "") -> int:
    """Writes them anew. `repository`: the address below which files of the repository are shown, "": there is none."""
    shutil.rmtree(pages, ignore_errors=True)
    places = site()
    for source, name in places.items():
        target = pages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(turned(source, places, repository))
        else:
            shutil.copy(source, target)
    return len(places)


def site() -> dict[Path, str]:
    """Each file of the site, and where in it."""
    docs = ROOT / "docs"
    places = {file: str(file.relative_to(docs)) for file in sorted(docs.rglob("*")) if file.suffix in (".md", ".json")}
    return places | {ROOT / name: where for name, where in FROM_ELSEWHERE.items()}


def turned(source: Path, places: dict[Path, str], repository: str) -> str:
    """A page's text with links as the site needs them; code blocks as they are."""

    def link(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        name, mark, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not name:
            return found[0]
        file = (source.parent / name).resolve()
        if file.is_dir() and (file / "README.md") in places:
            file /= "README.md"
        if file in places:
            return f"[{text}]({relative(places[source], places[file])}{mark}{anchor})"
        return f"[{text}]({repository}/{file.relative_to(ROOT)}{mark}{anchor})" if repository else text

    parts = _CODE.split(source.read_text())
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)


def relative(here: str, there: str) -> str:
    return os.path.relpath(there, Path(here).parent)


if __name__ == "__main__":
    print(f"{main(repository=os.environ.get('REPOSITORY', '').rstrip('/'))} files in {PAGES.relative_to(ROOT)}")
    sys.exit(0)

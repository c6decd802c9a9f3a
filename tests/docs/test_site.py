"""The documentation as a site: `make site`."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

from documents import DOCS, ROOT, page

ZENSICAL = ROOT / "build" / "site-tool" / "bin" / "zensical"


def gatherer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "scripts" / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml lists each page once, and no page that there is not; single decisions stand in their own list."""
    listed = re.findall(r"^ +- .*: (\S+\.md)$", page("mkdocs.yml"), re.MULTILINE)
    pages = {name for name in gatherer().site().values() if name.endswith(".md")}
    assert sorted(listed) == sorted({name for name in pages if not name.startswith("decisions/0")})


def test_links_are_turned_to_where_pages_stand(tmp_path: Path) -> None:
    """A page from outside keeps its links to docs/; source files become text, or links into a repository; code stays."""
    module = gatherer()
    places = {ROOT / "README.md": "START.md", DOCS / "API.md": "API.md"}
    source = tmp_path / "x.md"
    source.write_text("")
    readme = module.turned(ROOT / "README.md", places, "")
    assert "[docs/API.md](API.md)" in readme
    assert "(docs/CONFIGURATION.md)" not in readme
    inner = module.turned(DOCS / "API.md", places, "https://git.example.com/x")
    assert "(https://git.example.com/x/docs/LIMITS.md#what-a-caller-sees)" in inner
    assert "from openai import OpenAI" in inner


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    """The site made in `folder` of the pages there."""
    if not ZENSICAL.exists():
        if os.environ.get("CHECKERS") == "required":
            pytest.fail("no build/site-tool: run `python scripts/bootstrap.py site`")
        pytest.skip("no build/site-tool: `make site` makes it")
    shutil.copy(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    return subprocess.run(
        [ZENSICAL, "build", "--strict", "--clean"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.deployment
@pytest.mark.timeout(400)
def test_the_site_is_built_without_warnings(tmp_path: Path) -> None:
    """In strict mode; every link between its pages leads to a page and a heading that are in it."""
    gatherer().main(tmp_path / "build" / "site-pages")
    done = built(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "build" / "site"
    pages = {file.parent: file.read_text() for file in site.rglob("index.html")}
    assert len(pages) > 50
    ids = {folder: set(re.findall(r'\bid="?([^"\s>]+)', text)) for folder, text in pages.items()}
    broken = []
    for folder, text in pages.items():
        for name, anchor in re.findall(r'href="?([^"#\s>:]*)#([^"\s>]+)', text):
            target = (folder / name).resolve() if name else folder
            if unquote(anchor) not in ids.get(target, ()):
                broken.append(f"{folder.relative_to(site)}: {name}#{anchor}")
    assert sorted(set(broken)) == []


@pytest.mark.deployment
@pytest.mark.timeout(400)
def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """A planted link to a page that there is not."""
    pages = tmp_path / "build" / "site-pages"
    gatherer().main(pages)
    (pages / "SIGNING.md").write_text("# Signing\n\n[nowhere](NOWHERE.md)\n")
    done = built(tmp_path)
    assert done.returncode != 0
    assert "page does not exist" in done.stdout + done.stderr

"""Which data is used, and how newer data gets in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.format import LARGEST, Unusable
from llm_gateway.catalogue.store import FILE, Chosen, built_in, install, read_file

NEWER = book(entry("m", prices=priced()), date="2999-01-01")
OLDER = book(entry("m", prices=priced()), date="2000-01-01")


def used(state: Path, named: Path | None = None) -> str:
    return Chosen(state, named)().book.date.isoformat()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "from.json"
    made.write_bytes(NEWER)
    return made


def test_the_newer_data_is_used(tmp_path: Path) -> None:
    """Of the package's and the state directory's; a package that was updated since is not held back by an old file."""
    own = built_in().date.isoformat()
    assert used(tmp_path) == own
    (tmp_path / FILE).write_bytes(OLDER)
    assert used(tmp_path) == own
    (tmp_path / FILE).write_bytes(NEWER)
    assert used(tmp_path) == "2999-01-01"


@pytest.mark.parametrize("damage", [b"", b"{}", NEWER[:-5], NEWER.replace(b'"input"', b'"inptu"')])
def test_damaged_data_in_the_state_directory(tmp_path: Path, damage: bytes) -> None:
    """The gateway runs on what came with it, and says why."""
    (tmp_path / FILE).write_bytes(damage)
    chosen = Chosen(tmp_path)
    assert chosen().book.date == built_in().date
    assert str(tmp_path / FILE) in chosen.problem


def test_a_file_that_the_configuration_names(tmp_path: Path, file: Path) -> None:
    """It is used whatever its age; one that cannot be used is an error, not a wish."""
    file.write_bytes(OLDER)
    assert used(tmp_path / "state", file) == "2000-01-01"
    file.write_bytes(b"{}")
    with pytest.raises(Unusable, match=r"from\.json is not a catalogue"):
        Chosen(tmp_path, file)
    with pytest.raises(Unusable, match=r"none\.json cannot be read: No such file"):
        Chosen(tmp_path, tmp_path / "none.json")


def test_an_update(tmp_path: Path, file: Path) -> None:
    """It lands whole in the state directory, made if it is missing, readable by its owner and group alone; then it is used."""
    state = tmp_path / "state"
    before, after = install(file, state)
    assert (before.date, after.date.isoformat()) == (built_in().date, "2999-01-01")
    assert used(state) == "2999-01-01"
    assert [path.name for path in state.iterdir()] == [FILE]
    assert (state / FILE).stat().st_mode & 0o777 == 0o640


def test_an_update_that_is_not_newer(tmp_path: Path, file: Path) -> None:
    """Neither older nor the same again: what would not be used is not taken in."""
    install(file, tmp_path / "state")
    with pytest.raises(Unusable, match="not newer than what is used now"):
        install(file, tmp_path / "state")
    file.write_bytes(OLDER)
    with pytest.raises(Unusable, match="2000-01-01, not newer"):
        install(file, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b\x08\x00", b"[" * 5000, b" " * (LARGEST + 1), NEWER.replace(b'"format":2', b'"format":0')]
)
def test_an_update_that_is_hostile_or_broken(tmp_path: Path, file: Path, data: bytes) -> None:
    """Refused before anything is touched; what was there before stays."""
    install(file, tmp_path / "state")
    file.write_bytes(data)
    with pytest.raises(Unusable):
        install(file, tmp_path / "state")
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE]
    assert used(tmp_path / "state") == "2999-01-01"


def test_an_update_from_what_is_no_file(tmp_path: Path) -> None:
    """A directory, or nothing."""
    for path in (tmp_path, tmp_path / "none", Path("\0")):
        with pytest.raises(Unusable, match="cannot be read"):
            read_file(path)


def test_a_state_directory_that_cannot_be_made(tmp_path: Path, file: Path) -> None:
    """The system's own error, for the command to tell."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(OSError, match="state"):
        install(file, tmp_path / "state")


def test_starting_does_not_read_the_data() -> None:
    """The catalogue costs a starting gateway nothing but its modules: the data is opened by who first asks."""
    script = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from llm_gateway.catalogue.store import Chosen
chosen = Chosen(Path("/nowhere"))
early = [name for name in opened if name.endswith("models.json")]
data = chosen()
late = [name for name in opened if name.endswith("models.json")]
data.find("openai", "gpt-4o")
print(len(early), len(late), "llm_gateway.http.client" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["0", "1", "False"]

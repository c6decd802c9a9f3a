"""Migrations as files: found, checked, loaded and begun."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import msgspec

from llm_gateway.store.errors import WrongSchema

VERSIONS = Path(__file__).parent / "versions"
_NAME = re.compile(r"v(\d{4})_([a-z0-9_]+)\.py")
_TEMPLATE = '''"""{title}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{version}"
down_revision = {before}
compatible_with = "{before_text}"
"""The newest migration that the oldest version knows which can work with this schema."""


def upgrade() -> None:
    """Only add: tables, columns that may be NULL or have a server_default, indexes."""
    op.add_column("objects", sa.Column("an_example", sa.Text, nullable=True))


def downgrade() -> None:
    """Back to what was before; what was written meanwhile may be lost."""
    with op.batch_alter_table("objects") as table:
        table.drop_column("an_example")
'''


class Migration(msgspec.Struct, frozen=True):
    version: str
    """Four digits; they are applied in this order."""
    name: str
    checksum: str
    """SHA-256 of the source, in hex."""
    file: Path

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


def known(folder: Path = VERSIONS) -> tuple[Migration, ...]:
    """The migrations of this version, in order. Raises WrongSchema if two have one number, or one is missing."""
    found = []
    for file in sorted(folder.glob("v*.py")):
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(match[1], match[2], checksum(file), file))
    numbers = [int(migration.version) for migration in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise WrongSchema(f"{folder}: migrations are not numbered 0001, 0002 ... without a gap; this installation is damaged")
    return tuple(found)


def checksum(file: Path) -> str:
    """The same on every platform: line ends do not count."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def load(migration: Migration) -> ModuleType:
    """The module: `upgrade`, `downgrade` and `compatible_with`. Raises WrongSchema if it is another migration's."""
    spec = importlib.util.spec_from_file_location(f"llm_gateway_migration_{migration.version}", migration.file)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - of a file that was read a moment ago
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = f"{int(migration.version) - 1:04d}" if migration.version != "0001" else None
    if module.revision != migration.version or module.down_revision != before:
        raise WrongSchema(f"{migration.file}: its revision or down_revision is not that of {migration}")
    return module


def create(title: str, folder: Path = VERSIONS) -> Path:
    """A new migration's file, which does something harmless until it is written. Raises ValueError for a bad name."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    if not name:
        raise ValueError("a name needs letters or digits")
    before = len(known(folder))
    version, last = f"{before + 1:04d}", f"{before:04d}"
    file = folder / f"v{version}_{name}.py"
    text = _TEMPLATE.format(
        title=title.strip().rstrip(".").replace("\\", "").replace('"', "'"),
        version=version,
        before=f'"{last}"' if before else None,
        before_text=last if before else version,
    )
    file.write_text(text, encoding="utf-8")
    return file

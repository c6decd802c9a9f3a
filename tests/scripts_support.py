"""The scripts of scripts/, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def loaded(name: str) -> ModuleType:
    """scripts/NAME.py under a name of its own: data classes look their module up there."""
    known = f"scripts_{name}"
    spec = importlib.util.spec_from_file_location(known, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[known] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made

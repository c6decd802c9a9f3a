"""The audit log of a configuration: its folder in the state directory, its signatures, and the installation's id."""

from __future__ import annotations

import secrets
from pathlib import Path

from llm_gateway.config.schema import Config
from llm_gateway.control.audit import Seals
from llm_gateway.control.audit_files import AuditFiles
from llm_gateway.control.audit_log import AuditLog, AuditStore, Log
from llm_gateway.core.clock import Clock
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.once import StateFileUnusable, made_once
from llm_gateway.credentials.ring import Ring, load_ring

FOLDER = "audit"
_ID = "install.id"
_LONGEST = 64


def open_files(config: Config, ring: Ring | None = None) -> tuple[AuditFiles, Seals]:
    """The files, which nobody has opened for writing yet. `ring`: if the caller has it already. Raises StateFileUnusable."""
    state = Path(config.state.dir)
    seals = Seals(ring or load_ring(state, config.secrets))
    return AuditFiles(state / FOLDER, config.audit, seals, install_id(state)), seals


def open_log(
    config: Config, ids: Ids, clock: Clock, log: Log, *, ring: Ring | None = None, store: AuditStore | None = None
) -> AuditLog:
    """The log of this process, which is the only one that writes it; `start` it. Raises StateFileUnusable."""
    files, seals = open_files(config, ring)
    return AuditLog(files, seals, ids.ulid, clock, log, queue=config.audit.queue, store=store)


def install_id(state: Path) -> str:
    """What tells this installation from others, made once; no secret. Raises StateFileUnusable."""
    text = (
        made_once(state / _ID, lambda: secrets.token_hex(16).encode() + b"\n", most=_LONGEST).decode("ascii", "replace").strip()
    )
    if not text.isalnum():
        raise StateFileUnusable(f"{state / _ID} is damaged: it must hold letters and digits. Restore it.")
    return text

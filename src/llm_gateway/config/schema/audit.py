"""`audit`: the chained record of what administrators did and what looked like an attack."""

from __future__ import annotations

from typing import Annotated

from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.values import Duration, Size


class Audit(Section, frozen=True):
    """The audit log's files, in the folder audit of state.dir."""

    file_size: Annotated[Size, about("A file that is larger is closed and compressed.", positive=True)] = Size(64 << 20)
    file_age: Annotated[Duration, about("A file whose first entry is older is closed and compressed.", positive=True)] = Duration(
        86_400
    )
    keep_days: Annotated[
        int,
        about(
            "Closed files older than this are deleted; the chain then begins at a signed anchor. 0: kept for ever.",
            ge=0,
            le=36_500,
        ),
    ] = 2557
    queue: Annotated[
        int,
        about(
            "Most entries waiting for the disk. Beyond it admin actions are refused rather than unrecorded.", ge=16, le=1_000_000
        ),
    ] = 10_000

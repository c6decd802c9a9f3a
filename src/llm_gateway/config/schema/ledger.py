"""`ledger`: how the usage of each request is recorded on local disk before it is shipped to the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from llm_gateway.config.schema.base import Fault, Section, about
from llm_gateway.config.values import DURATION_PATTERN, Duration, Size

SMALLEST = 1 << 20
LARGEST = 1 << 30


class Interval(Duration):
    """A duration, or `off` (0)."""

    pattern: ClassVar[str] = f"^off$|{DURATION_PATTERN}"

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError."""
        if isinstance(given, str) and given.strip().lower() == "off":
            return cls(0)
        try:
            return cls(Duration.parse(given))
        except ValueError:
            raise ValueError("expected off, or a duration such as 1s") from None

    def __str__(self) -> str:
        return super().__str__() if self else "off"


class Ledger(Section, frozen=True):
    """The write-ahead log of each worker, in state.dir/ledger."""

    enabled: Annotated[
        bool, about("Whether usage is recorded. Without it there are no usage reports, and budgets begin anew at each start.")
    ] = True
    segment: Annotated[Size, about("Size of one of the log's files, allocated ahead. From 1 MB to 1 GB.", positive=True)] = Size(
        16 << 20
    )
    rotate: Annotated[Duration, about("A file is closed after this long, even if it is not full.", positive=True)] = Duration(
        3600
    )
    fsync: Annotated[
        Interval,
        about(
            "How often the log is forced to the disk. off: the kernel writes it within some 30 seconds; a crash of the gateway"
            " loses nothing, one of the machine what was not written."
        ),
    ] = Interval(0)
    when_full: Annotated[
        Literal["block", "shed"],
        about(
            "The disk is full or cannot be written. block: new requests are answered 503 until it can be; shed: they are served,"
            " and what cannot be recorded is counted as lost."
        ),
    ] = "block"
    keep: Annotated[Duration, about("How long files stay whose records are in the store.")] = Duration(86_400)

    keep_days: Annotated[
        int,
        about("Rows of single requests older than this are deleted; 0: never. Daily sums stay in any case.", ge=0, le=36_500),
    ] = 2557

    def check(self) -> Iterator[Fault]:
        if not SMALLEST <= self.segment <= LARGEST:
            yield "segment", "must be from 1MB to 1GB"

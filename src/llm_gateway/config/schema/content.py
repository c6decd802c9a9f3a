"""`telemetry.content`: whose requests and answers are written down, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from llm_gateway.config.schema.base import NAME, Fault, Section, Text, about
from llm_gateway.config.values import Duration, Size

LARGEST = 128 << 10


class Content(Section, frozen=True):
    """What callers asked and were answered, for tenants that agreed to it (docs/PRIVACY.md). Nobody's by default."""

    enabled: Annotated[
        bool,
        about("false: nothing is written or shown, whatever `tenants` says. What was written before goes when it is too old."),
    ] = True
    tenants: Annotated[
        tuple[Text, ...],
        about("Those that agreed to it. What there is of a tenant that is taken out is deleted within a minute."),
    ] = ()
    keep: Annotated[Duration, about("How long a record is kept, 90 days at most.", positive=True)] = Duration(7 * 86_400)
    record: Annotated[Size, about("Most bytes of a request's text, and of its answer's; the rest is cut off.", positive=True)] = (
        Size(32 << 10)
    )
    rate: Annotated[
        Size, about("Most bytes written in a second, all tenants together; what is beyond is dropped and counted.", positive=True)
    ] = Size(1 << 20)
    size: Annotated[Size, about("Most bytes kept; then the oldest hours go first.", positive=True)] = Size(1 << 30)

    @property
    def on(self) -> bool:
        """Whether there is anything to collect."""
        return self.enabled and bool(self.tenants)

    def check(self) -> Iterator[Fault]:
        if self.keep > 90 * 86_400:
            yield "keep", "expected 90 days at most"
        if self.record > LARGEST:
            yield "record", f"expected {LARGEST} bytes at most"
        for index, name in enumerate(self.tenants):
            if name and not NAME.fullmatch(name):
                yield "tenants", f"entry {index} is no name of a tenant"

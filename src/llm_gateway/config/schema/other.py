"""The small sections: `translation`, `api`, `logging` and `state`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from llm_gateway.config.errors import closest
from llm_gateway.config.schema.base import Fault, Section, Text, about

_STREAMS = ("stdout", "stderr", "off")


class Translation(Section, frozen=True):
    """Requests that leave in another dialect than they came in."""

    on_loss: Annotated[
        Literal["drop", "refuse"],
        about("A field that the other dialect cannot carry. drop: named in X-Gateway-Dropped; refuse: answered 400."),
    ] = "drop"


class ApiVersion(Section, frozen=True):
    """The end of an API version, announced in response headers (RFC 8594, RFC 9745)."""

    deprecated: Annotated[date | None, about("From this day on, answers say that the version is deprecated.")] = None
    sunset: Annotated[date | None, about("From this day on, the version is answered 410.")] = None
    guide: Annotated[Text | None, about("URL of a page that says how to move on.")] = None

    def check(self) -> Iterator[Fault]:
        if self.deprecated and self.sunset and self.sunset < self.deprecated:
            yield "sunset", "lies before deprecated"
        if self.guide is not None and not self.guide.startswith(("https://", "http://")):
            yield "guide", "expected a URL"


class Versions(Section, frozen=True):
    """The versions there are."""

    v1: Annotated[ApiVersion, about("The API under /v1.")] = ApiVersion()


class Api(Section, frozen=True):
    """The HTTP API."""

    versions: Annotated[Versions, about("Announcements for each version.")] = Versions()


class Logging(Section, frozen=True):
    """What the gateway writes about its work."""

    access: Annotated[Text, about("Where a line for every request goes: stdout, stderr, off, or a file's path.")] = "stdout"
    format: Annotated[Literal["json", "text"], about("Form of the lines.")] = "json"
    level: Annotated[Literal["debug", "info", "warning", "error"], about("Least important line that is written.")] = "info"

    def check(self) -> Iterator[Fault]:
        if self.access not in _STREAMS and "/" not in self.access:
            near = closest(self.access, _STREAMS)
            yield "access", f"expected stdout, stderr, off or a path with a slash{f'; did you mean {near}?' if near else ''}"


class State(Section, frozen=True):
    """What the gateway keeps on disk."""

    dir: Annotated[Text, about("Directory for what must outlive the process; made when missing.")] = "./state"

"""The small sections: `translation`, `responses`, `api`, `logging` and `state`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from ipaddress import ip_network
from typing import Annotated, Literal

from llm_gateway.config.errors import closest
from llm_gateway.config.schema.base import Fault, Port, Section, Text, about
from llm_gateway.config.values import Duration, Size

MediaType = Literal[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "text/plain",
    "text/markdown",
    "text/html",
    "text/csv",
]
_STREAMS = ("stdout", "stderr", "off")


class Fetch(Section, frozen=True):
    """Files that a request names by URL, fetched by the gateway for providers that take bytes only (Bedrock, Ollama)."""

    enabled: Annotated[bool, about("Whether they are fetched. Otherwise such a file is lost, as `on_loss` says.")] = False
    bytes: Annotated[Size, about("Most bytes for one request, all its files together.", positive=True)] = Size(20 << 20)
    time: Annotated[Duration, about("Most time for one request, all its files together.", positive=True)] = Duration(10)
    types: Annotated[
        tuple[MediaType, ...], about("Media types that are fetched, known by a file's first bytes.", min_length=1)
    ] = (
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "application/pdf",
        "text/plain",
    )
    allow_hosts: Annotated[tuple[Text, ...], about("Only from these hosts and their subdomains; empty: from any.")] = ()
    allow_private: Annotated[
        tuple[Text, ...], about("Networks besides the public internet that may be fetched from, for example 10.1.0.0/16.")
    ] = ()
    allow_http: Annotated[bool, about("Whether http URLs are fetched too, not only https.")] = False
    allow_ports: Annotated[tuple[Port, ...], about("Ports besides 80 and 443.")] = ()
    trust_proxy: Annotated[
        bool,
        about("Fetch through the proxy of `network`, which then has to keep requests from private addresses. false: refused."),
    ] = False

    def check(self) -> Iterator[Fault]:
        for network in self.allow_private:
            try:
                ip_network(network)
            except ValueError:
                yield "allow_private", "expected networks such as 10.1.0.0/16 or fd00:1::/32"


class Translation(Section, frozen=True):
    """Requests that leave in another dialect than they came in."""

    on_loss: Annotated[
        Literal["drop", "refuse"],
        about("A field that the other dialect cannot carry. drop: named in X-Gateway-Dropped; refuse: answered 400."),
    ] = "drop"
    fetch: Annotated[Fetch, about("Files named by URL.")] = Fetch()


class Responses(Section, frozen=True):
    """What the gateway keeps of answers to /v1/responses, whoever gave them, for the key that asked."""

    store: Annotated[
        Literal["database", "memory", "none"],
        about(
            "database: sealed, in the control plane's database, for all workers, until `ttl`; memory: of each worker, until it"
            " ends, so that no prompt is ever on disk; none: nowhere, so that none can be continued. A request that says"
            " `store: false` is not kept by any."
        ),
    ] = "database"
    size: Annotated[
        Size | None,
        about(
            "Most bytes kept; what was not used for longest goes first, of the key that has most. Absent: 1GB in the database,"
            " 64MB in memory.",
            positive=True,
        ),
    ] = None
    key_size: Annotated[
        Size | None, about("Most bytes kept for one key; then its own oldest go. Absent: as many as there are.", positive=True)
    ] = None
    ttl: Annotated[Duration, about("How long a response is kept after it was last used.", positive=True)] = Duration(30 * 86_400)
    unknown_ids: Annotated[
        Literal["pass", "refuse"] | None,
        about(
            "A `previous_response_id` that the gateway does not know, and every `conversation`. pass: to a provider of this API,"
            " which may know it, and whose account all callers share; refuse: 404 and 400. Absent: pass with at most one key in"
            " `auth`, else refuse."
        ),
    ] = None

    @property
    def most(self) -> int:
        """Bytes kept."""
        if self.size is not None:
            return int(self.size)
        return 1 << 30 if self.store == "database" else 64 << 20


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
    history: Annotated[int, about("Configurations that held before, kept to compare and to go back to.", ge=10, le=1000)] = 50

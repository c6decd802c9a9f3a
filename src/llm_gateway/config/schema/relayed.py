"""What passes through as it is: `media`, `files`, and a provider's `passthrough`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.values import Duration

_PATTERN = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,=:@-]+)+")


class Media(Section, frozen=True):
    """Pictures, sound and moderation in OpenAI's shape. A request that names no model is refused unless one is named here."""

    moderation_model: Annotated[
        Text | None, about("Alias or provider/model for /v1/moderations without a model; absent: it must name one.")
    ] = None
    image_model: Annotated[
        Text | None, about("Alias or provider/model for /v1/images/... without a model; absent: it must name one.")
    ] = None


class Files(Section, frozen=True):
    """/v1/files and /v1/batches: kept by a provider, visible only to the key that made them. Who made what is remembered in the
    control plane's database.
    """

    provider: Annotated[
        Text | None,
        about("Where they are kept, unless a request names a provider in X-Gateway-Provider or ?provider=; absent: it must."),
    ] = None
    remember: Annotated[Duration, about("How long the maker of a file or batch is remembered.", positive=True)] = Duration(
        90 * 86_400
    )
    entries: Annotated[
        int, about("Most files and batches remembered; then the oldest of the key with most is forgotten.", ge=1, le=10_000_000)
    ] = 100_000
    unknown_ids: Annotated[
        Literal["hide", "show"],
        about("Files and batches that nobody is known to have made. hide: 404, and in no list; show: as if everyone had."),
    ] = "hide"
    uncounted_batches: Annotated[
        Literal["refuse", "allow"],
        about(
            "New batches of callers that a hard budget concerns: what a batch costs is not seen here, and is in no budget and in"
            " no report. refuse: 403; allow: they are made all the same."
        ),
    ] = "refuse"


class Passthrough(Section, frozen=True):
    """Paths of a provider that are passed on as they are, at /passthrough/PROVIDER/PATH. A key needs the right to (auth.keys)."""

    paths: Annotated[
        tuple[Text, ...],
        about("Paths that may be asked for, such as /v1/fine_tuning/*: a * is one part of a path, a last /* all that is below."),
    ]
    methods: Annotated[
        tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], ...], about("Methods that may be used.")
    ] = (
        "GET",
        "HEAD",
        "POST",
    )

    def check(self) -> Iterator[Fault]:
        for path in self.paths or ():
            if not _PATTERN.fullmatch(path) or any(part in {".", ".."} for part in path.split("/")):
                yield "paths", f'"{path}" is not a path such as /v1/fine_tuning/*'

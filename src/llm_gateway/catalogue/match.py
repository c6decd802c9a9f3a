"""Which entry a model's name means. A wrong guess is worse than none: what no rule names is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from llm_gateway.catalogue.format import Entry

_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(foundation-model|inference-profile)/(.+)")
_REGION = re.compile(r"(us|eu|apac|us-gov|global|jp|au|ca|sa|me|af)\.(?=[a-z0-9-]+\.)")
_PUBLISHER = re.compile(r"(projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/")
LONGEST = 512


class Names:
    """The entries of one shelf, findable by names in lower case. Immutable."""

    __slots__ = ("_listed", "_own", "_patterns", "_priced")

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._own: dict[str, Entry] = {}
        self._listed: dict[str, Entry] = {}
        self._priced: dict[str, Entry] = {}
        self._patterns: list[tuple[tuple[str, ...], Entry]] = []
        for entry in entries:
            self._own.setdefault(entry.id.lower(), entry)
            for name in entry.ids:
                self._listed.setdefault(name, entry)
                if entry.prices:
                    self._priced.setdefault(name, entry)
            for glob in entry.globs:
                self._patterns.append(((glob,) if isinstance(glob, str) else glob, entry))

    def about(self, name: str) -> Entry | None:
        """The entry of this very name, else one that lists it: several versions may have a price in common and limits apart."""
        return self._own.get(name) or self._listed.get(name)

    def priced(self, name: str) -> Entry | None:
        """The first entry with prices that lists the name or has a pattern for it."""
        return self._priced.get(name) or next(
            (entry for globs, entry in self._patterns if all(fits(name, glob) for glob in globs)), None
        )


def spellings(kind: str, model: str) -> Iterator[str]:
    """The names under which a model of a provider type may be listed, likeliest first, in lower case."""
    if len(model) > LONGEST:
        return
    name = model.lower()
    if kind in {"bedrock", "bedrock_mantle"}:
        yield from _bedrock(name)
        return
    if kind in {"gemini", "vertex"}:
        name = _PUBLISHER.sub("", name).removeprefix("models/")
    yield name
    if kind == "vertex" and "@" in name:
        yield name.replace("@", "-")
        yield name.partition("@")[0]
    dashed = _COMPACT_DATE.sub(r"-\1-\2-\3", name)
    if dashed != name:
        yield dashed


def _bedrock(name: str) -> Iterator[str]:
    """Model ids, inference profiles (a region in front) and the ARNs of both. An application profile's ARN names no model.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    if name.startswith("arn:"):
        match = _ARN.fullmatch(name)
        if match is None:
            return
        name = match[2]
    yield name
    if region := _REGION.match(name):
        yield name[region.end() :]


def fits(name: str, glob: str) -> bool:
    """Whether a pattern (see Entry.globs) holds for the whole of a name. Takes time in proportion to both."""
    if glob.startswith("!"):
        return not fits(name, glob[1:])
    first, *others = glob.split("*")
    if not _here(name, 0, first):
        return False
    if not others:
        return len(name) == len(first)
    last = others.pop()
    place = len(first)
    for part in others:
        found = _next(name, place, part)
        if found < 0:
            return False
        place = found + len(part)
    end = len(name) - len(last)
    return end >= place and _here(name, end, last)


def _here(name: str, place: int, part: str) -> bool:
    if "#" not in part:
        return name.startswith(part, place)
    piece = name[place : place + len(part)]
    return len(piece) == len(part) and all(
        "0" <= given <= "9" if wanted == "#" else given == wanted for given, wanted in zip(piece, part, strict=True)
    )


def _next(name: str, place: int, part: str) -> int:
    if "#" not in part:
        return name.find(part, place)
    return next((start for start in range(place, len(name) - len(part) + 1) if _here(name, start, part)), -1)

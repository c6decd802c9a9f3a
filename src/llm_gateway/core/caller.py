"""Who asks: what a key, once recognised, allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate


class Caller:
    """One key's identity and rights. Immutable once built; shared by all its requests."""

    __slots__ = (
        "_exact",
        "_pattern",
        "all_models",
        "expires",
        "hints",
        "key_name",
        "metadata_in_body",
        "passthrough",
        "project",
        "providers",
        "regions",
        "strict",
        "tags",
        "tenant",
    )

    def __init__(  # noqa: PLR0913 - what a key may do, each by name
        self,
        key_name: str,
        models: Iterable[str] = ("*",),
        *,
        expires: float | None = None,
        metadata_in_body: bool = False,
        strict: bool | None = None,
        passthrough: Iterable[str] = (),
        tenant: str = "",
        project: str = "",
        tags: Iterable[str] = (),
        regions: Iterable[str] | None = None,
        providers: Iterable[str] | None = None,
        hints: bool = True,
    ) -> None:
        """`models`: names and globs (`openai/*`); `expires`: Unix seconds; `strict`: refuse lossy translation (None: default).
        `regions`, `providers`: where its requests may be served (None: anywhere); `hints`: whether it may steer routing.
        """
        names = tuple(models)
        globs = [name for name in names if any(c in name for c in "*?[")]
        self.key_name = key_name
        self.expires = expires
        self.metadata_in_body = metadata_in_body
        self.strict = strict
        self.passthrough = frozenset(passthrough)
        """Providers whose own paths it may use; "*": all."""
        self.tenant = tenant
        self.project = project
        self.tags = frozenset(tags)
        self.regions = None if regions is None else frozenset(regions)
        self.providers = None if providers is None else frozenset(providers)
        self.hints = hints
        self.all_models = "*" in names
        self._exact = frozenset(names)
        self._pattern = re.compile("|".join(map(translate, globs))) if globs else None

    def allows(self, model: str) -> bool:
        """Whether this key may ask for `model`, an alias or a provider/model name."""
        if self.all_models or model in self._exact:
            return True
        return self._pattern is not None and self._pattern.match(model) is not None

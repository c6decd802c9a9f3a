"""Who a client certificate stands for, by the rules of `auth.mtls`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

from llm_gateway.config.schema.tokens import CertificateRule, Mtls
from llm_gateway.core.caller import Caller
from llm_gateway.identity.certificate import LONG_NAMES
from llm_gateway.identity.claimed import Admit, Reading

_MOST_REMEMBERED = 1024
Subject = tuple[tuple[str, str], ...]
Others = tuple[str, ...]


class Certificates:
    """The first rule that a certificate meets says who it is. The chain was checked before: by the engine, or by the proxy."""

    def __init__(self, config: Mtls, admit: Admit) -> None:
        self._rules = tuple(_Rule(rule) for rule in config.rules)
        self._admit = admit
        self._found = lru_cache(maxsize=_MOST_REMEMBERED)(self._find)

    def caller_of(self, certificate: Mapping[str, Any]) -> Caller | None:
        """None: no rule holds for it. Raises as `admit` does. A certificate is looked at by its subject and its other names."""
        subject = tuple(part for rdn in certificate.get("subject", ()) for part in rdn)
        others = tuple(value for _, value in certificate.get("subjectAltName", ()))
        return self._found(subject, others)

    def _find(self, subject: Subject, others: Others) -> Caller | None:
        for rule in self._rules:
            if rule.holds(subject, others):
                text = ",".join(f"{key}={value}" for key, value in subject) or ",".join(others)
                return self._admit(rule.reading(text, {}))
        return None


class _Rule:
    def __init__(self, rule: CertificateRule) -> None:
        self.reading = Reading("mtls", "", rule.grants, None)
        self._subject = tuple(
            (LONG_NAMES.get(key.upper(), key), re.compile(translate(pattern))) for key, pattern in rule.subject.items()
        )
        self._san = None if rule.san is None else re.compile(translate(rule.san))

    def holds(self, subject: Subject, others: Others) -> bool:
        """Every part that the rule names must be there, and each of them that is there must fit: no second CN slips in."""
        for key, pattern in self._subject:
            values = [value for name, value in subject if name == key]
            if not values or not all(pattern.match(value) for value in values):
                return False
        return self._san is None or any(self._san.match(other) for other in others)

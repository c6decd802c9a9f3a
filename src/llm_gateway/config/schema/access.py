"""`server.access`: from which addresses requests are taken, and whose word about addresses counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, Text, about

Networks = tuple[Text, ...]


class Access(Section, frozen=True):
    """Addresses and networks such as 10.0.0.0/8 or 2001:db8::/32. ::ffff:1.2.3.4 counts as 1.2.3.4."""

    allow: Annotated[Networks | None, about("Only requests from these are taken; absent: from anywhere.")] = None
    deny: Annotated[Networks, about("Requests from these are refused (403), even if `allow` names them.")] = ()
    trusted_proxies: Annotated[
        Networks, about("What these say about the client counts: its address, and its certificate. Others are not believed.")
    ] = ()
    header: Annotated[
        Literal["X-Forwarded-For", "Forwarded"],
        about("Where trusted proxies say whose request it is. Only one is read: the other could be the client's own."),
    ] = "X-Forwarded-For"

    def check(self) -> Iterator[Fault]:
        for field in ("allow", "deny", "trusted_proxies"):
            for index, text in enumerate(getattr(self, field) or ()):
                if text is None:
                    continue
                try:
                    ipaddress.ip_network(text)
                except ValueError:
                    yield field, f"entry {index} is no address and no network such as 10.0.0.0/8 (with no bits behind its length)"

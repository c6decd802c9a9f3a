"""`server.access`."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "1.2.3", "::/129"])
@pytest.mark.parametrize("field", ["allow", "deny", "trusted_proxies"])
def test_networks_are_networks(tmp_path: Path, field: str, network: str) -> None:
    """A typing mistake does not open or close the door."""
    (line,) = told(tmp_path, f"providers: {{openai: {{}}}}\nserver: {{access: {{{field}: [1.2.3.4, '{network}']}}}}\n")
    assert "entry 1 is no address and no network" in line


def test_what_is_accepted(tmp_path: Path) -> None:
    """Addresses and networks of both kinds."""
    text = "providers: {openai: {}}\nserver: {access: {allow: [10.0.0.0/8, '::1', '2001:db8::/32'], header: Forwarded}}\n"
    assert loaded(tmp_path, text).server.access.header == "Forwarded"

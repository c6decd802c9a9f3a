"""`database`."""

from __future__ import annotations

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load, redacted


def loaded(*overrides: str):
    return load(None, overrides=overrides, environ={}, provider_types={}).database


def test_sqlite_is_migrated_by_itself_and_postgresql_by_people():
    """Unless the configuration says something else."""
    url = "database.url=postgresql://db/x"
    assert loaded().migrates
    assert not loaded("database.migrate=manual").migrates
    assert not loaded(url).migrates
    assert loaded(url, "database.migrate=auto").migrates


@pytest.mark.parametrize("url", ["mysql://db/x", "db", "sqlite:///x", "postgresql+psycopg://db/x"])
def test_only_postgresql_has_a_url(url):
    """With a text that does not repeat it: there may be a password in it."""
    with pytest.raises(ConfigErrors, match="expected postgresql://") as caught:
        loaded(f"database.url={url}")
    assert url not in str(caught.value)


def test_the_url_is_a_secret():
    """It is not in the configuration that is shown."""
    config = load(None, overrides=["database.url=postgres://me:topsecret@db/x"], environ={}, provider_types={})
    assert "topsecret" not in str(redacted(config))

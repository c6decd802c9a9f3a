"""Servers that tests of the cache use."""

from __future__ import annotations

from servers import redis_server

__all__ = ["redis_server"]

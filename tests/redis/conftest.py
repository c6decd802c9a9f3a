"""The server that tests of its connection use."""

from __future__ import annotations

from servers import redis_server

__all__ = ["redis_server"]

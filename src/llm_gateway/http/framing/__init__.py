"""Stream framings, without I/O: bytes as they arrive go in, whole events, lines or messages come out.

`sse` is Server-Sent Events, `ndjson` is one JSON document per line, `eventstream` is AWS's binary event stream. All are
incremental (any split of the bytes gives the same result), bounded in memory and linear in time.
"""

from __future__ import annotations

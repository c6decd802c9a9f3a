"""What one server lets a client use: bytes, time and numbers. Nothing in the server grows without one of these."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of a Server. Bytes are bytes on the wire, times are seconds.

    Past a limit the client gets: 431 (head_bytes, header_count), 414 (url_bytes), 413 (body_bytes), 408 (head_timeout,
    body_timeout), 503 (connections, buffered_bytes), or a closed connection (idle_timeout, write_timeout).
    """

    head_bytes: int = 32 * KIB
    header_count: int = 100
    url_bytes: int = 8 * KIB
    body_bytes: int = 10 * MIB
    upload_bytes: int = 10 * MIB  # in place of body_bytes, for paths that begin with one of `uploads`
    uploads: tuple[bytes, ...] = ()
    chunk_overhead_bytes: int = 8 * KIB  # chunk extensions, padding of chunk sizes and trailers of one body, together
    head_timeout: float = 10.0  # from the first byte of a head to its last
    body_timeout: float = 30.0  # for the whole body, plus the time it takes at body_rate
    body_rate: int = 64 * KIB  # bytes a second that buy a long body more time
    idle_timeout: float = 75.0  # between two requests of a connection
    write_timeout: float = 30.0  # a client that reads nothing for so long is cut
    linger_timeout: float = 5.0  # after a refusal: read and drop what still comes, so that the answer is not lost to a reset
    connections: int = 10_000
    write_high_water: int = 256 * KIB  # unsent bytes at which the source of a stream is paused
    pipeline_bytes: int = 64 * KIB  # unparsed bytes a client may send ahead while its request runs, before reading stops
    buffered_bytes: int = 256 * MIB  # request bodies held by the server at one time, all connections together

    def most(self, path: bytes, length: int) -> int:
        """Largest body of a request to `path` that announces `length` bytes (less than 0: none)."""
        if 0 <= length <= self.body_bytes or not path.startswith(self.uploads):
            return self.body_bytes
        return max(self.body_bytes, self.upload_bytes)

    def sweep_interval(self) -> float:
        """Seconds between two looks at the deadlines: an eighth of the shortest limit, so that none is missed by much."""
        shortest = min(self.head_timeout, self.body_timeout, self.idle_timeout, self.write_timeout, self.linger_timeout)
        return min(0.5, max(0.01, shortest / 8))

"""Requests that the tests of the server send, and the loops they run on."""

from __future__ import annotations

import pytest

from serving import LOOPS

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
both_loops = pytest.mark.parametrize("loop", sorted(LOOPS))

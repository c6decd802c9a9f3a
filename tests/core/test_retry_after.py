"""How long a provider asks us to wait (faults U15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.retry_after import LONGEST, retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"1"}, 1.0),
        ({b"retry-after": b" 2.5 "}, 2.5),
        ({b"retry-after": b"-5"}, 0.0),
        ({b"retry-after": b"99999999"}, LONGEST),
        ({b"retry-after": b"inf"}, LONGEST),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"abc"}, None),
        ({b"retry-after": b""}, None),
        ({b"retry-after": b"9" * 5000}, None),
        ({b"retry-after": b"Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({b"retry-after": b"Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
        ({b"retry-after": b"Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST),
        ({b"retry-after": b"Tue, 14 Nov 99999 22:13:50 GMT"}, None),
        ({b"retry-after-ms": b"250"}, 0.25),
        ({b"retry-after-ms": b"250", b"retry-after": b"9"}, 0.25),
        ({b"retry-after-ms": b"soon", b"retry-after": b"9"}, 9.0),
    ],
)
def test_every_form_is_read(headers, seconds):
    """Milliseconds before seconds before a date; nonsense is as good as nothing."""
    assert retry_after(headers, NOW) == seconds


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_value_can_do_harm(plain, ms):
    """Whatever a provider sends, the wait is none or between zero and LONGEST."""
    wait = retry_after({b"retry-after": plain, b"retry-after-ms": ms}, NOW)
    assert wait is None or 0 <= wait <= LONGEST

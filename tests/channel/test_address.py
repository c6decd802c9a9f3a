"""Unix sockets by path."""

from __future__ import annotations

import os
import socket
import stat
import struct

import pytest

from llm_gateway.channel.address import check_peer, connect, listen


@pytest.mark.parametrize("folder", ["short", "x" * 120 + "/" + "y" * 120])
def test_any_length_of_path(tmp_path, folder):
    """Also one that does not fit into an address, and nobody else may connect."""
    place = tmp_path / folder
    place.mkdir(parents=True)
    path = place / "control.sock"
    with listen(path) as listening, connect(path) as ours:
        theirs, _ = listening.accept()
        with theirs:
            assert check_peer(theirs) == check_peer(ours) == os.getpid()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_was_left_behind_is_replaced(tmp_path):
    """A process that was killed leaves its socket: the next one listens all the same."""
    path = tmp_path / "s"
    listen(path).close()
    with pytest.raises(ConnectionRefusedError):
        connect(path)
    with listen(path), connect(path):
        pass


def test_another_user_is_refused(monkeypatch):
    """By what the kernel says of the process at the other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        class Other:
            def getsockopt(self, *_):
                return struct.pack("3i", 1, os.geteuid() + 1, 0)

        with pytest.raises(PermissionError):
            check_peer(Other())

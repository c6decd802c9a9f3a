"""The sockets that the gateway listens on."""

from __future__ import annotations

import socket

import pytest

from llm_gateway.supervisor.listeners import InUse, bind


def close(slots) -> None:
    for sock in (sock for sockets in slots for sock in sockets):
        sock.close()


@pytest.mark.parametrize("count", [1, 3])
def test_every_worker_has_its_own_on_one_port(count):
    """A free port is taken once, and all of them listen: connections wait before anybody accepts."""
    slots = bind("127.0.0.1", 0, count=count)
    ports = {sockets[0].getsockname()[1] for sockets in slots}
    assert (len(slots), len(ports)) == (count, 1)
    for _ in range(8):
        socket.create_connection(("127.0.0.1", *ports), 1).close()
    close(slots)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", *ports), 1)


@pytest.mark.parametrize("count", [1, 2])
def test_an_address_in_use_is_named(count):
    """Also where another gateway shares its port among its workers: it would take half of our callers."""
    theirs = bind("127.0.0.1", 0, count=count)
    port = theirs[0][0].getsockname()[1]
    for ours in (1, 2):
        with pytest.raises(InUse) as caught:
            bind("127.0.0.1", port, count=ours, key="server.admin")
        assert caught.value.key == "server.admin"
    close(theirs)


def test_who_wants_to_share_may():
    """server.reuse_port: several gateways on one port."""
    one = bind("127.0.0.1", 0, reuse_port=True)
    two = bind("127.0.0.1", one[0][0].getsockname()[1], reuse_port=True)
    close([*one, *two])


def test_a_name_that_is_none_is_an_error():
    """As the resolver says it."""
    with pytest.raises(OSError):
        bind("no-such-host.invalid", 0)

"""Faults of the connection, observed on a raw socket."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from simulator.support import CHAT, chat, exchange, post


def ask(simulator, fault, *, stream=False, close=False, timeout=3.0):
    return exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat(stream=stream), close=close), timeout)


def test_refuse(simulator):
    """This connection is reset, new ones are refused for a while, then all is well."""
    answer = ask(simulator, "refuse:secs=0.2")
    assert (answer.data, answer.ending) == (b"", "reset")
    with pytest.raises(ConnectionRefusedError):
        exchange(simulator.url, post(CHAT, chat()))
    time.sleep(0.3)
    assert exchange(simulator.url, post(CHAT, chat())).status == 200


def test_reset_pre(simulator):
    """RST, no byte."""
    answer = ask(simulator, "reset_pre")
    assert (answer.data, answer.ending) == (b"", "reset")


def test_close_pre(simulator):
    """FIN, no byte."""
    answer = ask(simulator, "close_pre")
    assert (answer.data, answer.ending) == (b"", "eof")


def cut_after(simulator, fault, count):
    """A whole answer and a stream cut by `fault`; asserts that both stop after `count` bytes of body, incomplete."""
    whole = ask(simulator, f"{fault}:after={count}")
    assert len(whole.payload) == count < int(whole.header("content-length"))
    stream = ask(simulator, f"{fault}:after={count}", stream=True)
    assert len(stream.payload.partition(b"\r\n")[2][:-2]) == count
    with pytest.raises(ValueError, match="no terminal chunk"):
        _ = stream.chunks
    return {whole.ending, stream.ending}


def test_reset_mid(simulator):
    """Exactly so many bytes of the body come, then RST."""
    assert cut_after(simulator, "reset_mid", 50) == {"reset"}


def test_close_mid(simulator):
    """Exactly so many bytes of the body come, then FIN, and nothing says that they are all."""
    assert cut_after(simulator, "close_mid", 50) == {"eof"}


def test_close_mid_beyond_the_end(simulator):
    """A cut behind the last byte leaves a stream without its terminal chunk."""
    answer = ask(simulator, "close_mid:after=999999", stream=True)
    assert b"[DONE]" in answer.payload
    assert not answer.payload.endswith(b"0\r\n\r\n")


def test_slow_headers(simulator):
    """No byte before the time is over."""
    answer = ask(simulator, "slow_headers:secs=0.15", close=True)
    assert answer.first >= 0.15
    assert answer.status == 200


def test_drip_headers(simulator):
    """The head takes its time for every byte."""
    answer = ask(simulator, "drip_headers:secs=0.001", close=True)
    assert answer.last - answer.first >= len(answer.head) * 0.001 * 0.9
    assert answer.json["object"] == "chat.completion"


def test_stall(simulator):
    """So many bytes, then silence, then the rest."""
    answer = ask(simulator, "stall:after=60,secs=0.2", close=True)
    assert answer.last - answer.first >= 0.15
    assert answer.json["object"] == "chat.completion"
    silent = ask(simulator, "stall:after=60,secs=5", timeout=0.1)
    assert (len(silent.payload), silent.ending) == (60, "open")


def test_drip(simulator):
    """The body comes at the rate asked for."""
    answer = ask(simulator, "drip:bps=3000", close=True)
    assert answer.last >= len(answer.body) / 3000 * 0.6
    assert answer.reads >= len(answer.body) // 300


def test_no_read(simulator):
    """The body is not read and the connection is reset in the end."""
    answer = ask(simulator, "no_read:secs=0.1")
    assert (answer.data, answer.ending) == (b"", "reset")


def test_early_response(simulator):
    """The answer is there while the body is still missing; a status fault chooses it, or it is 413."""
    parts = urlsplit(simulator.url)
    for fault, status in (("early_response", b"413"), ("early_response+401", b"401")):
        with socket.create_connection((parts.hostname, parts.port), timeout=2) as peer:
            peer.sendall(f"POST /f/{fault}{CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n".encode())
            assert peer.recv(65536).split(b" ")[1] == status
            for _ in range(20):
                peer.sendall(b"x" * 65536)  # it is read on and thrown away: no reset meets the upload
            assert peer.recv(65536) == b""

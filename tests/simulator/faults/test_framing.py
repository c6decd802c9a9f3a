"""Faults of framing, observed on a raw socket."""

from __future__ import annotations

import time

import pytest

from simulator.support import CHAT, chat, exchange, post


def ask(simulator, fault, *, stream=False, close=True, timeout=3.0):
    return exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat(stream=stream), close=close), timeout)


@pytest.mark.parametrize("mode", ["event", "line", "byte", "random", "whole"])
def test_rechunk(simulator, mode):
    """Every mode sends the same bytes."""
    plain = exchange(simulator.url, post(CHAT, chat(stream=True)))
    answer = ask(simulator, f"rechunk:mode={mode},max=50", stream=True)
    assert answer.body == plain.body
    sizes = {len(chunk) for chunk in answer.chunks}
    assert (sizes == {1}) is (mode == "byte")
    assert (len(answer.chunks) == 1) is (mode == "whole")
    assert (answer.chunks == plain.chunks) is (mode == "event")
    if mode == "random":
        assert max(sizes) <= 50


def test_random_chunks_follow_from_their_seed(simulator):
    """The same seed cuts the same way, another one otherwise."""
    one, again, other = (ask(simulator, f"rechunk:seed={n}", stream=True).chunks for n in (1, 1, 2))
    assert one == again != other


def test_chunks_arrive_apart(simulator):
    """With a delay each piece waits for its time; how many of them one read finds is up to the machine."""
    began = time.monotonic()
    answer = ask(simulator, "rechunk:mode=random,max=200,delay=0.02")
    assert len(answer.chunks) > 2
    assert time.monotonic() - began > 0.02 * (len(answer.chunks) - 1) * 0.9
    assert answer.reads > 1


def test_no_cl(simulator):
    """Neither a length nor chunks: the body ends with the connection."""
    answer = ask(simulator, "no_cl", close=False)
    assert answer.header("content-length") is answer.header("transfer-encoding") is None
    assert (answer.json["object"], answer.ending) == ("chat.completion", "eof")


def test_http10(simulator):
    """The answer speaks HTTP/1.0 and closes."""
    answer = ask(simulator, "http10", stream=True, close=False)
    assert answer.data.startswith(b"HTTP/1.0 200 ")
    assert answer.ending == "eof"
    assert answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_bad_chunk(simulator, stream):
    """A chunk size is not hexadecimal, after a sound chunk."""
    answer = ask(simulator, "bad_chunk", stream=stream)
    assert b"\r\nZZ\r\n" in answer.payload
    int(answer.payload.split(b"\r\n")[0], 16)
    with pytest.raises(ValueError, match="invalid literal"):
        _ = answer.chunks


def test_cl_short(simulator):
    """Bytes are left over behind the announced length, and the connection stays open."""
    answer = ask(simulator, "cl_short:by=7", close=False, timeout=0.1)
    assert len(answer.payload) == int(answer.header("content-length")) + 7
    assert answer.ending == "open"


def test_cl_long(simulator):
    """Announced bytes never come; the connection closes."""
    answer = ask(simulator, "cl_long:by=9", close=False)
    assert len(answer.payload) == int(answer.header("content-length")) - 9
    assert answer.ending == "eof"


def test_double_cl(simulator):
    """Two lengths that differ."""
    lengths = [value for name, value in ask(simulator, "double_cl").headers if name == "content-length"]
    assert len(set(lengths)) == 2


def test_te_cl(simulator):
    """A length beside chunks."""
    answer = ask(simulator, "te_cl")
    assert (answer.header("transfer-encoding"), answer.header("content-length")) == ("chunked", "5")
    assert answer.json["object"] == "chat.completion"


def test_obs_fold(simulator):
    """A header goes on in the next line."""
    assert b"\r\nx-folded: one\r\n two\r\n" in ask(simulator, "obs_fold").head + b"\r\n"


def test_huge_headers(simulator):
    """One header is as large as asked for."""
    assert len(ask(simulator, "huge_headers:kb=64").header("x-padding")) == 64 * 1024


def test_many_headers(simulator):
    """As many headers as asked for."""
    assert sum(name.startswith("x-header-") for name, _ in ask(simulator, "many_headers:n=300").headers) == 300


def test_hdr_inject(simulator):
    """A value breaks out of its line and sets a cookie."""
    assert ("set-cookie", "pwned=1") in ask(simulator, "hdr_inject").headers


def test_lf_only(simulator):
    """The head has no CR at all."""
    answer = ask(simulator, "lf_only")
    assert b"\r" not in answer.data.partition(b"\n\n")[0]
    assert answer.json["object"] == "chat.completion"

"""Files and variables that credentials come from."""

from __future__ import annotations

import os

import pytest

from llm_gateway.credentials.means import LARGEST_FILE, Variables, read_file, read_now, read_secret
from llm_gateway.credentials.refreshing import Unavailable
from serving import run


def test_variables_and_the_home_directory():
    """White space around a value is none of it; without HOME there is no path."""
    variables = Variables({"A": " x\n", "HOME": "/home/me", "B": "SECRET"})
    assert (variables.variable("A"), variables.variable("C")) == ("x", "")
    assert (variables.home(".aws", "config"), Variables({}).home("x")) == ("/home/me/.aws/config", "")
    assert "SECRET" not in repr(variables)


def test_files(tmp_path):
    """Read whole, and as a token."""

    async def test() -> None:
        file = tmp_path / "token"
        file.write_text("abc\n")
        assert await read_file(str(file), "it") == b"abc\n"
        assert await read_secret(str(file), "it") == "abc"

    run(test)


def test_files_that_cannot_be_used(tmp_path):
    """Missing, a folder, a pipe (which would wait), too large, not a token: named by what they are, not by their content."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST_FILE + 1))
    cases = {"none": "No such file", ".": "not a regular file", "pipe": "not a regular file", "large": "larger than"}
    for name, match in cases.items():
        with pytest.raises(Unavailable, match=f"the file .*{match}"):
            read_now(str(tmp_path / name), "the file")
    with pytest.raises(Unavailable, match="not a file name"):
        read_now("a\0b", "the file")
    for content in (b"", b" \n", b"SECRET\nSECOND", b"SECRET\xff", b"\x00"):
        (tmp_path / "token").write_bytes(content)

        async def test() -> None:
            with pytest.raises(Unavailable, match="does not hold a token") as caught:
                await read_secret(str(tmp_path / "token"), "the file")
            assert "SECRET" not in str(caught.value)

        run(test)

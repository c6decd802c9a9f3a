"""Where lines go."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.clock import FakeClock
from llm_gateway.telemetry import journal as module
from llm_gateway.telemetry.journal import Journal, Log, open_journal, timestamp, where


def test_lines_are_written_in_order(tmp_path):
    """Everything that was queued is in the file when `close` returns; the file is appended to."""
    file = tmp_path / "log"
    file.write_bytes(b"old\n")
    journal = open_journal(str(file))
    for n in range(1000):
        journal.write(b"%d\n" % n)
    journal.close()
    assert file.read_bytes() == b"old\n" + b"".join(b"%d\n" % n for n in range(1000))
    assert journal.dropped == 0


def test_a_new_file_is_not_for_everybody(tmp_path):
    """An access log names keys and callers."""
    open_journal(str(tmp_path / "log")).close()
    assert (tmp_path / "log").stat().st_mode & 0o007 == 0


def test_a_reader_that_does_not_read_costs_lines_and_not_time(monkeypatch):
    """A full pipe blocks the journal's thread alone: writing goes on at once, and what does not fit is dropped and counted."""
    monkeypatch.setattr(module, "HELD_BYTES", 1 << 20)
    reading, writing = os.pipe()
    journal = Journal(writing, close_fd=True)
    began = time.monotonic()
    for _ in range(40):
        journal.write(b"x" * 65535 + b"\n", 3)
    assert time.monotonic() - began < 20  # a write that waits waits for ever
    assert journal.dropped >= 3 * (40 - 17)
    assert journal.dropped % 3 == 0
    taken = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 1 << 16), b"")])
    taken.start()
    journal.close()
    taken.join()
    os.close(reading)


def test_a_closed_pipe_loses_lines_and_nothing_else():
    """Nobody reads any more: the lines are counted as lost and the journal goes on."""
    reading, writing = os.pipe()
    os.close(reading)
    journal = Journal(writing, close_fd=True)
    journal.write(b"a\nb\n", 2)
    journal.close()
    assert journal.dropped == 2
    journal.write(b"c\n")
    assert journal.dropped == 3


def test_where_it_can_go(tmp_path):
    """`off` is none, a folder that is not there is an error at start."""
    assert open_journal("off") is None
    with pytest.raises(OSError):
        open_journal(str(tmp_path / "missing" / "log"))


def test_events_below_the_level_are_left_out(tmp_path):
    """One JSON line each, with the time, the level, the name and its facts."""
    journal = open_journal(str(tmp_path / "log"))
    log = Log(journal, FakeClock(1_700_000_000.5), "warning")
    log("info", "quiet", a=1)
    log("error", "loud", why="line\nbreak")
    journal.close()
    (line,) = (tmp_path / "log").read_bytes().splitlines()
    assert msgspec.json.decode(line) == {
        "timestamp": "2023-11-14T22:13:20.500Z",
        "level": "error",
        "event": "loud",
        "why": "line\nbreak",
    }


@given(st.floats(0, 4e9))
def test_timestamps_are_rfc_3339(now):
    """As datetime writes them, cut to milliseconds."""
    told = datetime.fromisoformat(timestamp(now))
    assert timestamp(now)[:19] == datetime.fromtimestamp(int(now), UTC).isoformat()[:19]
    assert 0 <= now - told.timestamp() < 0.00101


def test_an_event_can_be_a_line_for_people(tmp_path):
    """With the text format an event is one short line, its facts encoded so that none of them can begin another line."""
    file = tmp_path / "events"
    journal = open_journal(str(file))
    Log(journal, FakeClock(1_700_000_000.0), form="text")("info", "reloaded", digest="ab\ncd", kept=["server"])
    journal.close()
    assert file.read_text() == '22:13:20 info reloaded digest="ab\\ncd" kept=["server"]\n'


def test_where_holds_no_message():
    """A traceback for the log: files and lines, not what a caller sent."""
    try:
        int("the prompt")
    except ValueError as error:
        (frame,) = where(error)
    assert frame.startswith("test_journal.py:")

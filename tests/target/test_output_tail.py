"""Tests that server output is available at once, and is stored completely in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from wsproof.target import output_tail
from wsproof.target.output_tail import LogFile, OutputTail, OutputWatch


@pytest.fixture
def pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield both ends of a pipe."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as near:
        yield os.fdopen(reader, "rb"), near


def test_earlier_output_is_found_without_waiting(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    far, near = pipe
    tail = OutputTail(far)
    for number in range(300):
        watch = OutputWatch(tail)
        near.write(b"line %d\nand\n" % number)
        assert watch.lines() == [f"line {number}", "and"]
    near.write(b"half a li")
    watch = OutputWatch(tail)
    near.write(b"ne")
    assert watch.lines() == ["half a line"]


def test_the_end_of_the_output_ends_its_last_line(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    far, near = pipe
    tail = OutputTail(far)
    watch = OutputWatch(tail)
    near.write(b"first\nlast words")
    near.close()
    tail.wait_end(10)
    assert watch.lines() == ["first", "last words"]
    assert tail.mark() == 2


def test_the_log_has_the_output_before_and_after_its_start_without_secrets(
    pipe: tuple[IO[bytes], IO[bytes]], tmp_path: Path
) -> None:
    far, near = pipe
    tail = OutputTail(far, secrets=("hunter2",))
    near.write(b"early hunter2\n")
    assert tail.mark() == 1
    log = LogFile(tmp_path / "server.log")
    tail.keep_in(log)
    near.write(b"late \x1b[31m\n")
    near.close()
    tail.wait_end(10)
    logged = log.path.read_text().splitlines()
    assert logged[0].startswith("early ")
    assert "hunter2" not in logged[0]
    assert logged[1:] == ["late \\x1b[31m"]


def test_the_log_has_a_maximum_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_tail, "_MAX_LOG_BYTES", 20)
    log = LogFile(tmp_path / "server.log")
    for _ in range(10):
        log.write("12345678")
    lines = log.path.read_text().splitlines()
    assert lines[:2] == ["12345678", "12345678"]
    assert "left out" in lines[2]
    assert len(lines) == 3

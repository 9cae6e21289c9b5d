"""Tests that the last exception is found in the output of servers in many languages."""

from __future__ import annotations

import pytest

from wsproof.model.server_end import ServerEnd, end_findings
from wsproof.target.last_exception import last_exception, last_lines

PYTHON = """Traceback (most recent call last):
  File "app.py", line 3, in echo
    raise KeyError("text")
KeyError: 'text'"""
CHAINED = """Traceback (most recent call last):
  File "app.py", line 3, in echo
    raise KeyError("text")
KeyError: 'text'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "app.py", line 9, in echo
    raise RuntimeError("no")
RuntimeError: no"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "app.py", line 3, in echo
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "app.py", line 9, in echo
    |     raise RuntimeError("no")
    | RuntimeError: no
    +------------------------------------"""
NODE = """node:events:497
      throw er; // Unhandled 'error' event
RangeError: Invalid WebSocket frame: invalid status code 1005
    at Receiver.controlMessage (receiver.js:626:30)
    at Receiver.getData (receiver.js:477:12)"""
RUST = "thread 'tokio-runtime-worker' panicked at src/main.rs:7:5:"
GO = "panic: runtime error: index out of range [5]"
JAVA = """Exception in thread "main" java.lang.IllegalStateException: no
\tat Server.main(Server.java:5)"""
QUIET = ['INFO: 127.0.0.1 - "WebSocket /ws" [accepted]', "INFO: connection open", "INFO: connection closed"]


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        (PYTHON, "Traceback (most recent call last):", "KeyError: 'text'"),
        (CHAINED, "Traceback (most recent call last):", "RuntimeError: no"),
        (GROUP, "    | Traceback (most recent call last):", "    | RuntimeError: no"),
        (
            NODE,
            "RangeError: Invalid WebSocket frame: invalid status code 1005",
            "    at Receiver.getData (receiver.js:477:12)",
        ),
        (RUST, RUST, RUST),
        (GO, GO, GO),
        (JAVA, JAVA.splitlines()[0], "\tat Server.main(Server.java:5)"),
        ("worker 7: Segmentation fault", "worker 7: Segmentation fault", "worker 7: Segmentation fault"),
    ],
)
def test_the_last_exception_is_found_among_other_lines(written: str, first: str, last: str) -> None:
    exception = last_exception([*QUIET, *written.splitlines(), *QUIET])
    assert (exception[0], exception[-1]) == (first, last)


def test_ordinary_output_has_no_last_exception() -> None:
    assert last_exception(QUIET) == ()
    assert last_lines([*QUIET, ""], 2) == tuple(QUIET[1:])


def test_a_long_exception_keeps_its_head_and_its_end() -> None:
    frames = [f'  File "app.py", line {number}, in deep' for number in range(200)]
    exception = last_exception(["Traceback (most recent call last):", *frames, "RecursionError: " + "x" * 1000])
    assert len(exception) == 16
    assert exception[0] == "Traceback (most recent call last):"
    assert "lines left out" in exception[2]
    assert exception[-1].startswith("RecursionError: xxx")
    assert len(exception[-1]) < 400


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (
            ServerEnd(1, ("Traceback:", "KeyError: 'text'")),
            "the server's process ended with code 1; its last line: KeyError: 'text'",
        ),
        (ServerEnd(134), "the server's process ended with signal 6 (SIGABRT)"),
        (ServerEnd(255), "the server's process ended with code 255"),
    ],
)
def test_the_end_of_a_process_is_described_in_a_sentence(end: ServerEnd, sentence: str) -> None:
    assert end.sentence == sentence


def test_equal_ends_of_a_server_are_one_finding() -> None:
    aborted, raised = ServerEnd(134, ("abort",)), ServerEnd(1, ("KeyError",))
    findings = end_findings((aborted, raised, aborted))
    assert [(finding.occurrences, finding.server_output) for finding in findings] == [
        (2, ("abort",)),
        (1, ("KeyError",)),
    ]
    assert {finding.check for finding in findings} == {"process-ended"}

"""Tests that an interrupted check reports and stores its results so far, and names the checks that were not run."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.cli.shell import DEADLINE, only_run, read_until, running
from tests.faulty.running import FaultyServer, faulty_server
from wsproof import TargetError
from wsproof.cli import check, main
from wsproof.conformance import suite
from wsproof.conformance.script import Script
from wsproof.conformance.session import Session
from wsproof.errors import ExitCode, TerminatedRun
from wsproof.model.suite import CheckRun
from wsproof.report.formats.json_documents import load_schema

ONLY = ("--only", "rsv-zero", "--only", "utf8-broken", "--only", "close-answered", "--examples", "2")
BROKEN = "rsv-zero"
ENDED_IN = "close-answered"
LEFT = "utf8-broken"


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server


def raising_in_check(error: BaseException) -> Callable[[Session, Script], object]:
    """Return a `Session.attempt` that raises this error in the middle of a check, after another check found a fault."""
    attempt = Session.attempt

    def perform(subject: Session, conversation: Script) -> object:
        if conversation.subject == ENDED_IN:
            raise error
        return attempt(subject, conversation)

    return perform


def copies(folder: Path) -> list[str]:
    names = {"json": "check.json", "junit": "junit.xml", "markdown": "check.md"}
    return [word for option, name in names.items() for word in (f"--{option}", str(folder / name))]


def run(faulty: FaultyServer, folder: Path, fault: str = "rsv") -> int:
    url = f"ws://127.0.0.1:{faulty.port}/{fault}"
    return main(["check", url, *ONLY, "--out", str(folder), *copies(folder)])


def assert_partial_report(folder: Path, output: str, reason: str) -> None:
    document: dict[str, Any] = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.check/1"))
    assert document["verdict"] == "invalid"
    assert document["complete"] is False
    assert document["wall_s"] > 0
    assert [finding["check"] for finding in document["findings"]] == [BROKEN]
    assert {row["check"]: row["reason"] for row in document["not_run"]} == {ENDED_IN: reason, LEFT: reason}
    record = only_run(folder)
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    assert record["complete"] is False
    assert record["verdict"] == "invalid"
    own = {name: value for name, value in document.items() if name not in ("schema", "target", "findings")}
    assert record["check"] == own
    assert record["findings"] == [finding | {"part": "check"} for finding in document["findings"]]
    assert record["target"] == document["target"]
    files = list((folder / "runs").glob("*/findings/*.json"))
    assert [path.name.rpartition("-")[0] for path in files] == [BROKEN]
    assert "INVALID: 1 violation so far" in output
    assert reason in output
    assert ElementTree.parse(folder / "junit.xml").getroot().findall(".//failure")
    assert reason in (folder / "junit.xml").read_text(encoding="utf-8")
    assert BROKEN in (folder / "check.md").read_text(encoding="utf-8")
    (page,) = (folder / "runs").glob("*/page.html")
    assert reason in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "the run was interrupted"),
        (TerminatedRun("terminated."), ExitCode.TERMINATED, "the run was terminated"),
    ],
)
def test_a_signal_that_ends_the_check_leaves_a_partial_report(
    faulty: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: ExitCode,
    reason: str,
) -> None:
    monkeypatch.setattr(Session, "attempt", raising_in_check(error))
    assert run(faulty, tmp_path) == code
    assert_partial_report(tmp_path, capsys.readouterr().out, reason)


def crash(*_: object) -> None:
    raise ZeroDivisionError("on purpose")


def raising_outside_checks(error: Exception) -> Callable[[Any, Any], None]:
    """Return a function that raises this error outside of every check."""

    def add(course: Any, row: Any) -> None:
        if row.check == ENDED_IN:
            raise error
        (course.rows if isinstance(row, CheckRun) else course.not_run).append(row)

    return add


crashing_at_last = raising_outside_checks(ZeroDivisionError("on purpose"))


def test_a_crash_leaves_a_partial_report_and_a_violation_outranks_it(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite._ProtocolRun, "add", crashing_at_last)
    assert run(faulty, tmp_path) == ExitCode.FAILED
    output = capsys.readouterr()
    assert_partial_report(tmp_path, output.out, "wsproof crashed (ZeroDivisionError)")
    assert "Traceback" in output.err
    assert "wsproof itself crashed" in output.err
    assert "the exit code is 1" in output.err


def test_a_violation_outranks_a_target_that_is_lost_later(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite._ProtocolRun, "add", raising_outside_checks(TargetError("nobody listens any more")))
    assert run(faulty, tmp_path) == ExitCode.FAILED
    output = capsys.readouterr()
    assert_partial_report(tmp_path, output.out, "the run ended: nobody listens any more")
    assert "nobody listens any more" in output.err
    assert "the exit code is 1" in output.err
    assert "crashed" not in output.err


def test_a_target_that_is_lost_before_any_violation_is_a_target_error(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite._ProtocolRun, "add", raising_outside_checks(TargetError("nobody listens any more")))
    assert run(faulty, tmp_path, fault="") == ExitCode.USAGE


def test_a_table_of_servers_keeps_the_violations_of_a_server_that_is_lost_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(suite._ProtocolRun, "add", raising_outside_checks(TargetError("it did not start again")))
    words = ("tests.target.apps.echo:app", "--path", "/", "--server", "uvicorn,uvicorn-wsproto", *ONLY)
    main(["check", *words, "--out", str(tmp_path), *copies(tmp_path)])
    document = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert [(row["state"], row["check"]["complete"]) for row in document["servers"]] == [("checked", False)] * 2


def test_a_crash_without_a_violation_is_unknown(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite._ProtocolRun, "add", crashing_at_last)
    assert run(faulty, tmp_path, fault="") == ExitCode.CANNOT_TELL
    document = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert document["verdict"] == "unknown"  # one check passed, but others were not run
    assert "the run ended early" in capsys.readouterr().out


def test_a_check_that_crashed_leaves_its_traceback_in_the_run(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "attempt", raising_in_check(ZeroDivisionError("on purpose")))
    assert run(faulty, tmp_path, fault="") == ExitCode.CANNOT_TELL
    (path,) = (tmp_path / "runs").glob("*/crashes/*.txt")
    assert path.stem == ENDED_IN
    document = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    (row,) = (row for row in document["checks_run"] if row["traceback"])
    assert row["check"] == ENDED_IN
    assert row["traceback"] == path.read_text(encoding="utf-8")
    assert document["complete"] is True
    output = capsys.readouterr()
    assert "1 check crashed: a bug of wsproof" in output.out


@pytest.mark.parametrize("reporter", ["show_check", "junit_xml", "run_markdown"])
def test_a_crash_of_one_reporter_does_not_affect_the_others(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reporter: str
) -> None:
    monkeypatch.setattr(check, reporter, crash)
    assert run(faulty, tmp_path) == ExitCode.FAILED  # the violation takes precedence over the crash
    written = {"junit_xml": "junit.xml", "run_markdown": "check.md"}
    for name in ("check.json", "junit.xml", "check.md"):
        assert (tmp_path / name).is_file() is (written.get(reporter) != name)
    assert list((tmp_path / "runs").glob("*/page.html"))


def test_findings_are_stored_while_the_run_continues(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, Any]]] = []
    attempt = Session.attempt

    def perform(subject: Session, conversation: Script) -> object:
        if conversation.subject == ENDED_IN and not seen:
            files = [path.name.rpartition("-")[0] for path in (tmp_path / "runs").glob("*/findings/*.json")]
            seen.append((files, only_run(tmp_path)))
        return attempt(subject, conversation)

    monkeypatch.setattr(Session, "attempt", perform)
    assert run(faulty, tmp_path) == ExitCode.FAILED
    ((files, record),) = seen
    assert files == [BROKEN]
    assert (record["verdict"], record["complete"]) == ("invalid", False)
    not_run = {row["check"]: row["reason"] for row in record["check"]["not_run"]}
    assert not_run == dict.fromkeys((ENDED_IN, LEFT), "not run yet")


@pytest.mark.slow
def test_an_ended_table_of_servers_has_the_partial_results_of_the_current_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "attempt", raising_in_check(KeyboardInterrupt()))
    app = ("target_app.naive:app", "--path", "/ws", "--server", "uvicorn,uvicorn-wsproto")
    assert main(["check", *app, *ONLY, "--out", str(tmp_path), *copies(tmp_path)]) == ExitCode.INTERRUPTED
    document = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.matrix/1"))
    first, second = document["servers"]
    assert (first["state"], second["state"]) == ("checked", "not-run")
    assert first["check"]["complete"] is False
    assert second["reason"] == "the run was interrupted"
    assert document["verdict"] == "unknown"
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert len(suites) == 2
    assert "1 not run" in capsys.readouterr().out


def test_run_writes_its_copies_when_its_check_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "attempt", raising_in_check(KeyboardInterrupt()))
    assert main(["run", *ONLY, "--out", str(tmp_path), *copies(tmp_path)]) == ExitCode.INTERRUPTED
    record = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    assert record["complete"] is False
    assert {row["reason"] for row in record["check"]["not_run"]} == {"the run was interrupted"}
    assert (tmp_path / "check.md").is_file()
    assert (tmp_path / "junit.xml").is_file()
    assert "the run ended early" in capsys.readouterr().out


def test_a_signal_ends_a_real_check_in_order(tmp_path: Path) -> None:
    with running("check", "--out", str(tmp_path), *copies(tmp_path)) as child:
        read_until(child, "protocol")
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=DEADLINE)
    assert child.returncode == ExitCode.TERMINATED, err
    assert "Traceback" not in err
    assert "not run" in out
    document = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert "the run was terminated" in {row["reason"] for row in document["not_run"]}
    assert list((tmp_path / "runs").glob("*/page.html"))

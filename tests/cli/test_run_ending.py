"""Tests of the last lines of `wsproof run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproof.cli import main

SMALL = ("--subscribers", "5", "--rate", "50", "--duration", "1", "--warmup", "0.2", "--users", "6")


def test_a_run_ends_with_its_findings_and_the_path_of_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wsproof.session.run.LOAD_SECONDS", 2.0)
    monkeypatch.setenv("COLUMNS", "200")
    code = main(["run", "--only", "opening-accepted", *SMALL, "--out", str(tmp_path)])
    output = capsys.readouterr()
    assert code == 0, output
    protocol, delivery, speed, trust, page = output.out.strip().splitlines()[-5:]
    assert protocol.startswith("The server keeps the protocol in all of")
    assert delivery.startswith("Under load 100 % arrived")
    assert speed.startswith("Half of the messages reach the last of 5 within")
    assert trust.startswith(("All figures can be trusted.", "These figures are void, the others stand: "))
    assert Path(page.removeprefix("The full report is ")).is_file()

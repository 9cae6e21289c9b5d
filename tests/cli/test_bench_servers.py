"""Tests of `wsproof bench --server a,b`: the same load on several servers, one table."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from wsproof.cli import main
from wsproof.report.formats.json_documents import load_schema
from wsproof.session import servers
from wsproof.target.servers import SERVERS, AsgiServer, missing_packages

SMALL = ("--subscribers", "4", "--rate", "50", "--duration", "300ms", "--warmup", "100ms")
NAMES = ("uvicorn-websockets-sansio", "uvicorn-wsproto", "daphne")


@pytest.mark.slow
def test_each_server_has_a_row_with_a_run_or_with_the_reason_for_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = missing_packages

    def without_daphne(server: AsgiServer, installed: object) -> list[str]:
        return ["daphne"] if server.name == "daphne" else missing(server, installed)  # type: ignore[arg-type]

    monkeypatch.setattr(servers, "missing_packages", without_daphne)
    copies = tmp_path / "table.json", tmp_path / "table.md"
    words = ("--json", str(copies[0]), "--markdown", str(copies[1]), "--out", str(tmp_path / "runs"))
    code = main(["bench", "--server", ",".join(NAMES), *SMALL, *words])
    assert code in (0, 3)  # a busy machine may void a measurement; the table must be whole all the same
    document = json.loads(copies[0].read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.benches/2"))
    assert [row["server"] for row in document["runs"]] == list(NAMES[:2])
    assert document["not_run"] == [{"server": "daphne", "reason": "not installed: pip install daphne"}]
    for row in document["runs"]:
        jsonschema.validate(row["run"], load_schema("wsproof.run/2"))
        assert row["run"]["target"]["server"] == row["server"]
        assert row["run"]["metrics"]["reach"]["mean"] == 1.0
    table = copies[1].read_text(encoding="utf-8")
    message = capsys.readouterr().out
    for name in NAMES:
        assert name in table
        assert name in message
    assert "chat: 4 subscribers, 50 publications per second" in table
    assert len(list((tmp_path / "runs").glob("runs/*/run.json"))) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ws://127.0.0.1:1/", "--server", "all", "--channels", "tutorial"), "runs an app"),
        (("--server", "all", "--hdr", "x.hlog"), "one --server"),
        (("--server", "uvicorn,nonsense"), "nonsense"),
    ],
)
def test_an_invalid_combination_of_options_is_a_usage_error(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nonsense" not in SERVERS
    assert main(["bench", *words, *SMALL]) == 2
    assert message in capsys.readouterr().err

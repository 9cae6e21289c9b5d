"""Tests of `wsproof bench --workload chat:8,echo:2`: several workloads at once, a run for each, one table."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.load.conftest import serving
from wsproof.cli import main
from wsproof.report.formats.json_documents import load_schema
from wsproof.session.bench_mix import parse_mix, portions

SMALL = ("--subscribers", "10", "--publishers", "4", "--rate", "100", "--duration", "300ms", "--warmup", "100ms")


def test_each_workload_has_its_share_its_checks_and_its_own_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = tmp_path / "table.json", tmp_path / "table.md"
    words = ("--json", str(copies[0]), "--markdown", str(copies[1]), "--out", str(tmp_path))
    with serving("fair") as endpoint:
        mix = ("--channels", "tutorial", "--workload", "chat:8,echo:2")
        code = main(["bench", endpoint.url, *mix, *SMALL, *words])
    assert code in (0, 3)  # a busy machine may void a measurement
    document = json.loads(copies[0].read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.benches/2"))
    chat, echo = (row["run"] for row in document["runs"])
    assert [row["workload"] for row in document["runs"]] == ["chat", "echo"]
    for run, subscribers, publishers, rate, receivers in ((chat, 8, 3, 80, 8), (echo, 2, 1, 20, 1)):
        jsonschema.validate(run, load_schema("wsproof.run/2"))
        assert run["plan"]["subscribers"] == subscribers
        assert run["plan"]["publishers"] == publishers
        assert run["plan"]["rate_hz"] == rate
        assert run["verdict"] == "valid"
        assert run["metrics"]["reach"]["mean"] == 1.0
        assert run["metrics"]["latency"]["n"] == run["metrics"]["reach"]["n"] * receivers
        assert "mixed" in [warning["code"] for warning in run["warnings"]]
    assert echo["mix"]["beside"] == "chat with 8 subscribers"
    message = capsys.readouterr().out
    assert "At the same time, the server had other load: echo with 2 subscribers" in message
    assert "echo: 2 subscribers, 20 publications per second" in copies[1].read_text(encoding="utf-8")
    assert len(list(tmp_path.glob("runs/*/run.json"))) == 2


def test_a_broken_promise_of_one_workload_is_found_beside_the_other(tmp_path: Path) -> None:
    mix = ("--channels", "tutorial", "--workload", "echo,chat")
    with serving("drop") as endpoint:
        code = main(["bench", endpoint.url, *mix, *SMALL, "--out", str(tmp_path), "--json", str(tmp_path / "x.json")])
    assert code == 1
    runs = [row["run"] for row in json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["runs"]]
    assert {run["plan"]["workload"]: run["verdict"] for run in runs} == {"echo": "valid", "chat": "invalid"}


def test_portions_are_whole_at_least_one_and_add_up() -> None:
    assert portions(100, [8, 2]) == [80, 20]
    assert portions(4, [8, 2]) == [3, 1]
    assert portions(2, [99, 1]) == [1, 1]
    assert portions(10, [1, 1, 1]) == [4, 3, 3]
    assert parse_mix("chat:8, echo:0.5,rooms") == {"chat": 8.0, "echo": 0.5, "rooms": 1.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--workload", "chat:8,chat:2"), "each workload once"),
        (("--workload", "chat:none,echo"), "with its weight"),
        (("--workload", "chat,ecko"), "no workload 'ecko'"),
        (("--workload", "chat,echo", "--steps", "2"), "cannot have --steps"),
        (("--workload", "chat,echo", "--server", "all"), "cannot have several servers"),
        (("--workload", "chat,echo", "--arrivals", "ramp:1-5"), "cannot have --arrivals"),
        (("--workload", "chat,echo", "--subscribers", "1"), "at least 2 --subscribers"),
    ],
)
def test_an_invalid_mix_is_a_usage_error(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "ws://127.0.0.1:1/", "--channels", "tutorial", *words]) == 2
    assert message in capsys.readouterr().err

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stats.builders import measurement, steady
from wsproof import UsageError
from wsproof.cli import main
from wsproof.report.formats.hdr_log import COLUMNS, read_logs, write_log


def log(folder: Path, name: str, latency_ms: float) -> Path:
    path = folder / name
    write_log(path, measurement(steady(200, latency_ms, slip_ms=1.0)))
    return path


def test_a_log_holds_each_delivery_once_and_reads_back(tmp_path: Path) -> None:
    path = log(tmp_path, "a.hlog", 10.0)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]"
    assert lines[2] == COLUMNS
    assert lines[3].startswith("Tag=latency,0.000,1.000,10.000,HISTF")
    histograms = read_logs([path])
    assert {tag: histogram.total for tag, histogram in histograms.items()} == {"latency": 600, "service_time": 600}
    assert histograms["latency"].percentile(0.99) == pytest.approx(10e6, rel=0.001)
    assert histograms["service_time"].percentile(0.99) == pytest.approx(9e6, rel=0.001)


def test_logs_of_several_processes_add_up(tmp_path: Path) -> None:
    quick, slow = log(tmp_path, "a.hlog", 10.0), log(tmp_path, "b.hlog", 50.0)
    merged = read_logs([quick, slow])["latency"]
    assert merged.total == 1200
    assert merged.percentile(0.5) == pytest.approx(10e6, rel=0.001)
    assert merged.percentile(0.51) == pytest.approx(50e6, rel=0.001)


def test_wsproof_report_shows_histogram_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick, slow = log(tmp_path, "a.hlog", 10.0), log(tmp_path, "b.hlog", 50.0)
    assert main(["report", "--hdr", str(quick), "--hdr", str(slow)]) == 0
    output = capsys.readouterr().out
    assert "1,200" in output
    assert "latency" in output


@pytest.mark.parametrize("text", ["Tag=a,0,1,2,nothing", "0,1,2,HISTF"])
def test_a_line_without_a_histogram_is_an_error_with_its_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.hlog"
    path.write_text(f"#[x]\n{text}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2 of"):
        read_logs([path])


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_logs([tmp_path / "none"])

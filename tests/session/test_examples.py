"""Tests that the examples of docs/reference/from-python.md run as printed, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deviations.test_everywhere import APP

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "from-python.md"
CHANNELS = "from wsproof.workloads.chat import Chat\n\nWORKLOADS = [Chat]\n"


def test_every_example_of_the_page_runs_and_the_functions_print_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "example_channels.py").write_text(CHANNELS)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 6
    names: dict[str, object] = {"__name__": "example"}
    printed = []
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
        printed.append(capsys.readouterr())
    checked, measured, searched, compared, served, reported = (output.out.splitlines() for output in printed)
    assert checked[0].startswith('invalid ["A 101 response has no Content-Length')
    assert len(measured) == 2
    assert "p99(latency) < 2s" in measured[0]
    assert len(searched) == 1
    assert compared[0].startswith("unpaired")
    assert served[0].startswith("ws://127.0.0.1:")
    assert reported[-1].startswith("wsproof: page: ")
    assert [output.err for output in printed] == [""] * 6

"""Tests of `wsproof check`: the reference server passes, with its known deviations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.cli.shell import wsproof
from wsproof.report.formats.json_documents import load_schema


@pytest.mark.parametrize("only", [("--only", "4.2.1"), pytest.param((), marks=pytest.mark.slow, id="everything")])
def test_the_reference_server_is_valid_and_its_known_deviations_are_shown(
    only: tuple[str, ...], tmp_path: Path
) -> None:
    copy, junit, markdown = (tmp_path / name for name in ("check.json", "junit.xml", "check.md"))
    copies = ("--json", str(copy), "--junit", str(junit), "--markdown", str(markdown))
    result = wsproof("check", *only, "--examples", "5", "--budget", "none", "--all", "--out", str(tmp_path), *copies)
    assert result.code == 0, result
    document: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.check/1"))
    assert document["verdict"] == "valid"
    accepted = [finding for finding in document["findings"] if finding["accepted"]]
    assert accepted
    (library,) = {finding["library"] for finding in accepted}
    assert f"{len(accepted)} known deviations of {library}" in result.out
    for finding in accepted:
        assert finding["accepted"].split(" (")[0][:40] in result.out
    assert not ElementTree.parse(junit).getroot().findall(".//failure")
    assert "accepted deviations</summary>" in markdown.read_text(encoding="utf-8")


def test_a_known_deviation_that_has_disappeared_fails_the_run(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('[[deviation]]\ncheck = "mask-required"\nsection = "5.1"\nreason = "an old release"\n')
    words = ("--only", "mask-required", "--examples", "5", "--known-deviations", str(known), "--out", str(tmp_path))
    result = wsproof("check", *words)
    assert result.code == 1, result
    assert "no longer occurs" in result.out

"""Tests of check and replay: the naive server fails, and its finding can be replayed."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.cli.shell import only_run, wsproof
from wsproof.report.formats.json_documents import load_schema

NAMED = {
    "chat.binary-frame-isolation": "A binary frame from one member disturbs the chat for the others",
    "chat.slow-reader-isolation": "A member that does not read holds up the chat for the others",
    "dashboard.feed-binary-frame-isolation": "A binary frame from one viewer disturbs the dashboard for the others",
}


def check_naive(out: Path, *names: str) -> Path:
    """Check the naive server, and return the folder with the run."""
    only = [word for name in names for word in ("--only", name)]
    target = ("target_app.naive:app", "--channels", "tutorial")
    result = wsproof("check", *target, *only, "--budget", "none", "--out", str(out), "--junit", str(out / "junit.xml"))
    assert result.code == 1, result
    return out


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a check of the naive server in it."""
    return check_naive(tmp_path_factory.mktemp("naive"), "chat.binary-frame-isolation")


def assert_reported(out: Path, *names: str) -> None:
    record = only_run(out)
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    explained = {finding["check"]: finding["explanation"] for finding in record["findings"]}
    for check in names:
        assert explained[check].startswith(NAMED[check])
    assert len(ElementTree.parse(out / "junit.xml").getroot().findall(".//failure")) == len(names)


def test_the_violations_of_the_naive_server_are_explained(naive: Path) -> None:
    assert_reported(naive, "chat.binary-frame-isolation")


@pytest.mark.slow
def test_each_fault_of_the_naive_server_is_explained(tmp_path: Path) -> None:
    assert_reported(check_naive(tmp_path, *NAMED), *NAMED)


def test_a_finding_shows_the_server_exception_that_causes_it(naive: Path) -> None:
    words = {finding["check"]: finding["server_output"] for finding in only_run(naive)["findings"]}
    assert "Traceback (most recent call last)" in words["chat.binary-frame-isolation"][0]
    assert re.match(r"[\w.]+: ", words["chat.binary-frame-isolation"][-1])


def test_a_finding_is_reproduced_on_its_server(naive: Path) -> None:
    finding = next((naive / "runs").glob("*/findings/chat-binary-frame-isolation-*.json"))
    result = wsproof("replay", str(finding))
    assert result.code == 1, result
    assert "It happens again" in result.out


def test_a_finding_is_not_reproduced_on_a_correct_server(naive: Path) -> None:
    finding = next((naive / "runs").glob("*/findings/chat-binary-frame-isolation-*.json"))
    result = wsproof("replay", str(finding), "target_app.main:app")
    assert result.code == 0, result
    assert "does not happen again" in result.out

"""Tests of the tables that map promises to tests: each named test exists, and no row is missing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from target_app.close_reasons import CLOSE_CODES
from target_app.settings import Settings
from tests.target_app.server import STARTS

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("target_app/README.md", "target_app/HAZARDS.md")
REFERENCE = "docs/reference/reference-server.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:channels/|game/|pages/|cluster/)?[\w/]+\.(?:py|html|js))`")


def rows(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the tables under that heading, without the header rows."""
    text = (ROOT / document).read_text()
    level = heading.partition(" ")[0]
    lines = text[text.index(heading) :].partition(f"\n{level} ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [row for row, after in zip(cells, [*cells[1:], [""]], strict=True) if "---" not in (row[0], after[0])]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_test_exists(document: str) -> None:
    named = NAMED.findall((ROOT / document).read_text())
    assert len(named) > 20
    missing = [f"{file}::{test}" for file, test in named if f"\ndef {test}(" not in (ROOT / file).read_text()]
    assert missing == []


@pytest.mark.parametrize("document", ["target_app/README.md", REFERENCE])
def test_every_named_file_exists(document: str) -> None:
    named = FILE.findall((ROOT / document).read_text())
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "target_app" / name).exists()] == []


def test_every_documented_way_of_starting_is_tested() -> None:
    text = (ROOT / "target_app/README.md").read_text()
    block = text[text.index("## Start the full server") :].split("\n\n")[2]
    commands = {line.partition("#")[0].strip() for line in block.splitlines()}
    documented = {command.removeprefix("python -m ").removeprefix("uvicorn ") for command in commands}
    assert documented - {"target_app --port 0"} == set(STARTS)


def test_every_known_hazard_is_listed() -> None:
    ids = {row[0] for row in rows("target_app/HAZARDS.md", "# Known hazards")}
    expected = [str(number) for number in range(1, 26)]
    for letter, count in (("E", 11), ("C", 15), ("D", 8), ("A", 4)):
        expected += [f"{letter}{number}" for number in range(1, count + 1)]
    assert [name for name in expected if name not in ids] == []


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TARGET_APP_")]:
        monkeypatch.delenv(name)
    documented = dict[str, str]()
    for row in rows(REFERENCE, "## Settings"):
        first, *others = re.findall(r"`(TARGET_APP_|…)(\w+)`", row[0])
        names = [first[1], *(first[1].rpartition("_")[0] + rest for _, rest in others)]
        documented |= dict(
            zip(names, row[1].replace("`", "").split(", ") if others else [row[1].strip("`")], strict=True)
        )
    in_words = {"SECRET", "USERS", "ALLOWED_ORIGINS"}
    defaults = {name.upper(): _as_variable(value) for name, value in Settings().model_dump().items()}
    assert documented.keys() == defaults.keys()
    assert {name: value for name, value in documented.items() if name not in in_words} == {
        name: value for name, value in defaults.items() if name not in in_words
    }


def _as_variable(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple() | frozenset():
            return ",".join(sorted(value))
        case float():
            return f"{value:g}"
    return str(value)


def test_every_close_code_is_documented() -> None:
    documented = "".join(row[0] + " " for row in rows(REFERENCE, "## How connections end"))
    assert {int(code) for code in re.findall(r"\b\d{4}\b", documented)} >= CLOSE_CODES.keys()


TABLES = [("target_app/README.md", "## From the tutorial"), ("target_app/HAZARDS.md", "# Known hazards")]


@pytest.mark.parametrize(("document", "heading"), TABLES)
def test_every_row_names_a_test_or_says_why_there_is_none(document: str, heading: str) -> None:
    table = rows(document, heading)
    assert len(table) > 20
    excused = [row[0] for row in table if row[-1].startswith(("It cannot: ", "No property of a server; "))]
    assert excused == (["17", "23", "24"] if "HAZARDS" in document else [])
    assert [row[0] for row in table if not NAMED.search(row[-1]) and row[0] not in excused] == []

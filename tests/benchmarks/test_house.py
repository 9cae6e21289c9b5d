"""Tests of the code structure figures, on small trees whose figures are known."""

from __future__ import annotations

import ast
from pathlib import Path

from benchmarks.house import (
    ROOT,
    between_rooms,
    circles,
    figures,
    functions,
    imports,
    repeated_classes,
    sources,
    words_per_sentence,
)

LIBRARY = {
    "harness/wsproof/errors.py": "class Wrong(Exception): ...\n",
    "harness/wsproof/model/__init__.py": "",
    "harness/wsproof/model/finding.py": "from wsproof.errors import Wrong\n\nclass Finding: ...\n",
    "harness/wsproof/cli/bench.py": (
        "from typing import TYPE_CHECKING\n"
        "import wsproof.model.finding\n"
        "from wsproof import errors\n"
        "if TYPE_CHECKING:\n    from wsproof.cli.parser import Parser\n"
        "\ndef run() -> None:\n    from wsproof.cli.mix import run_mix\n\n    run_mix()\n"
    ),
    "harness/wsproof/cli/mix.py": (
        "from wsproof.cli.bench import run\n\nclass Finding: ...\n\ndef run_mix() -> None:\n    run()\n"
    ),
    "harness/wsproof/cli/parser.py": "class Parser: ...\n",
}


def test_every_import_is_an_arrow_except_those_for_type_checkers() -> None:
    graph = imports(sources(LIBRARY))
    assert graph["cli.bench"] == {"model.finding", "errors", "cli.mix"}
    assert graph["model.finding"] == {"errors"}
    assert between_rooms(graph) == {"errors": set(), "model": {"errors"}, "cli": {"model", "errors"}}


def test_modules_that_import_each_other_are_a_circle() -> None:
    graph = imports(sources(LIBRARY))
    assert circles(graph) == [{"cli.bench", "cli.mix"}]
    assert circles(between_rooms(graph)) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_a_name_of_two_classes_is_reported() -> None:
    assert repeated_classes(sources(LIBRARY)) == ["Finding"]


def test_the_length_of_a_function_is_that_of_its_lines() -> None:
    tree = ast.parse("def short():\n    pass\n\n\nasync def longer():\n    a = 1\n\n    return a\n")
    assert list(functions({"m": tree}).values()) == [2, 4]


def test_sentences_are_counted_without_code_headings_and_tables() -> None:
    text = (
        "# A heading of many words that do not count at all\n\n"
        "One two three. Four five\nsix seven eight!\n\n"
        "    python -m code that is not prose\n\n"
        "| a | table | of | words |\n\n"
        "- nine ten\n- eleven twelve\n  thirteen fourteen\n\n"
        "```python\nnot = prose\n```\n"
    )
    assert words_per_sentence(text) == (3 + 5 + 2 + 4) / 4
    assert words_per_sentence("") == 0.0


def test_every_figure_of_a_tree_is_reported() -> None:
    reported = figures(LIBRARY | {"README.md": "Two words. And three more.\n"})
    assert reported["Python files"] == "6"
    assert reported["most files in a room"] == "3 (cli)"
    assert reported["circles of modules"] == "cli.bench ↔ cli.mix"
    assert reported["class names used more than once"] == "1 (Finding)"
    assert reported["words per sentence, README.md"] == "2.5"
    assert reported["words per sentence, CHANGELOG.md"] == "–"


def test_no_modules_of_the_library_import_each_other_in_a_circle() -> None:
    root = Path(__file__).parents[2]
    library = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in (root / ROOT).rglob("*.py")
    }
    assert circles(imports(sources(library))) == []

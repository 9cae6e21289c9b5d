"""Tests of every code block of every document: it compiles, parses, follows its schema, or is a command that exists."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from documentation.linked_pages import ROOT
from tests.ci.schemas import errors_by_schema
from tests.documentation.code_blocks import BLOCKS, CodeBlock, blocks_in, documents, inline_code_of
from tests.documentation.shell_commands import commands_in
from wsproof.cli.parser import VERBS, parse_command
from wsproof.pytest.plugin import PREFIX
from wsproof.session.option import options_in
from wsproof.session.options import IN_PYTEST, LocustOptions, PytestOptions
from wsproof.session.project_file import read_project_file

LANGUAGES = {"", "console", "dockerfile", "python", "text", "toml", "yaml"}
"""Languages with a test below. `text` is output."""
MODULE = re.compile(r"\A# (\w+)\.py\n")
PYTEST_FLAGS = {flag for name in IN_PYTEST for flag in options_in(PytestOptions)[name].arguments(name, PREFIX)[0]}
LOCUST_FLAGS = {flag for name, made in options_in(LocustOptions).items() for flag in made.arguments(name, PREFIX)[0]}


def test_each_block_has_a_language_with_a_test() -> None:
    assert len(BLOCKS) > 100
    assert [(str(block), block.language) for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", blocks_in("python"), ids=str)
def test_python_compiles(block: CodeBlock) -> None:
    compile(as_module(block.text), str(block), "exec")


def as_module(text: str) -> str:
    """The text, or a module with it if its methods belong to a class that the page does not repeat."""
    try:
        compile(text, "block", "exec")
    except SyntaxError:
        return re.sub(r"^(?=    )", "class Fragment:\n", text, count=1, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("block", [block for block in blocks_in("python") if MODULE.match(block.text)], ids=str)
def test_a_whole_module_can_be_imported(block: CodeBlock) -> None:
    done = subprocess.run([sys.executable, "-c", block.text], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks_in("toml"), ids=str)
def test_toml_is_read_and_its_options_are_accepted(block: CodeBlock, tmp_path: Path) -> None:
    document = tomllib.loads(block.text)
    if "tool" in document:
        (tmp_path / "pyproject.toml").write_text(block.text, encoding="utf-8")
        assert read_project_file(tmp_path)


@pytest.mark.parametrize("block", blocks_in("yaml"), ids=str)
def test_yaml_is_read_and_follows_the_schema_of_its_file(block: CodeBlock, tmp_path: Path) -> None:
    (document, *_) = yaml.safe_load_all(block.text)
    if "jobs" in document:
        whole = block.text if "name" in document else f"name: a part of a workflow\non: push\n{block.text}"
        (tmp_path / "workflow.yml").write_text(whole, encoding="utf-8")
        assert errors_by_schema("vendor.github-workflows", tmp_path / "workflow.yml") == []
        require_inputs(document)
    elif "include" in document:
        (tmp_path / "gitlab.yml").write_text(block.text, encoding="utf-8")
        assert errors_by_schema("vendor.gitlab-ci", tmp_path / "gitlab.yml", "--data-transform", "gitlab-ci") == []


def require_inputs(workflow: dict[str, dict[str, dict[str, list[dict[str, dict[str, str]]]]]]) -> None:
    """Check that each step with our action has only its inputs, and a command that exists."""
    known = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for step in steps:
        if "/wsproof@" in str(step.get("uses")):
            assert set(step["with"]) <= set(known)
            require_known(["wsproof", *next(commands_in(step["with"]["command"], has_prompts=False))])
        for words in commands_in(str(step.get("run", "")), has_prompts=False):
            require_known(words)


COMMAND_BLOCKS = blocks_in("", "console")


@pytest.mark.parametrize("block", COMMAND_BLOCKS, ids=str)
def test_commands_exist_with_their_options(block: CodeBlock) -> None:
    for words in commands_in(block.text, has_prompts=block.language == "console"):
        require_known(words)


def test_the_commands_of_wsproof_are_recognised() -> None:
    words = [words for block in COMMAND_BLOCKS for words in commands_in(block.text, has_prompts=block.language != "")]
    assert sum(command[0] == "wsproof" for command in words) > 40


@pytest.mark.parametrize("document", documents())
def test_commands_within_sentences_exist_with_their_options(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence may leave out arguments that the command requires."""
    for code in inline_code_of(document):
        for words in commands_in(code, has_prompts=False) if "$(" not in code else ():
            is_whole = words[0] == "wsproof" and len(words) > 2 and words[1] in VERBS and "--help" not in words
            try:
                require_known(["5" if word == "N" else word for word in words] if is_whole else [])
            except SystemExit:
                assert "the following arguments are required" in capsys.readouterr().err, code


def require_known(words: list[str]) -> None:
    """Check a command of wsproof, pytest, Locust, make or a module of this checkout. Others are not ours."""
    match words:
        case ["wsproof", "--help"]:
            pass
        case ["wsproof", *rest]:
            assert parse_command([word for word in rest if word != "..."]).verb == rest[0]
        case ["pytest", *rest]:
            assert {word.partition("=")[0] for word in rest if word.startswith(f"--{PREFIX}")} <= PYTEST_FLAGS
        case ["locust", *rest]:
            flags = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert flags <= LOCUST_FLAGS | locust_flags()
        case ["make", target, *_]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        case ["python", "-m", module, *_] if module.split(".")[0] in ("harness", "benchmarks", "target_app", "tests"):
            path = ROOT / ("harness" if module.startswith("benchmarks") else "") / module.replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), module
        case ["python", file, *_] if file.endswith(".py"):
            assert (ROOT / file).is_file() or (ROOT / "harness" / file).is_file() or "/" not in file, file


@cache
def locust_flags() -> frozenset[str]:
    """The options that Locust's own help lists."""
    done = subprocess.run([sys.executable, "-m", "locust", "--help"], capture_output=True, text=True, check=True)
    return frozenset(re.findall(r"(?<!\w)--[a-z][\w-]*", done.stdout))

"""Tests of the table of options, and of the options that each front end derives from it."""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from wsproof import BenchOptions, CapacityOptions, CheckOptions, CompareOptions
from wsproof.cli.outputs import Outputs
from wsproof.cli.parser import VERBS, parse_command
from wsproof.session.option import options_in, read_options
from wsproof.session.options import IN_PYTEST, PytestOptions, RunOptions

REFS = ["main", "HEAD"]
REQUIRED = {
    "capacity": ["--slo", "lost == 0"],
    "compare": REFS,
    "bisect": REFS,
    "replay": ["finding.json"],
    "export": ["--format", "otava"],
    "import": ["stats.csv"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_without_options_has_the_defaults_of_its_class(verb: str) -> None:
    parsed = parse_command([verb, *REQUIRED.get(verb, [])]).options
    required = {name for name, option in options_in(VERBS[verb].options).items() if option.required}
    built = VERBS[verb].options(**{name: getattr(parsed, name) for name in required})
    assert parsed == built


def test_every_option_has_a_help_text() -> None:
    for cls in (*(verb.options for verb in VERBS.values()), Outputs):
        for name, option in options_in(cls).items():
            assert option.help, name
            assert set(re.findall(r"{\w*}?", option.arguments(name)[1]["help"])) <= {"{port}", "{n}", "{name}"}, name


def test_a_verb_may_have_another_default_and_its_help_says_so() -> None:
    assert (BenchOptions().duration, CapacityOptions(slo=()).duration) == (10.0, 4.0)
    assert "(default 4s)" in options_in(CapacityOptions)["duration"].arguments("duration")[1]["help"]
    assert (CheckOptions().budget, RunOptions().budget) == (60.0, None)


def test_repeated_options_are_tuples_and_options_do_not_change() -> None:
    options = parse_command(["bench", "a:b", "--slo", "lost == 0", "--slo", "violations == 0"]).options
    assert options.slo == ("lost == 0", "violations == 0")
    with pytest.raises(FrozenInstanceError):
        options.slo = ()


def test_the_repr_of_options_shows_no_secret() -> None:
    options = CheckOptions(token="hunter2", header=("Cookie: hunter2",), env=("KEY=hunter2",), login=("hunter2",))
    assert "hunter2" not in repr(options)


@pytest.mark.parametrize("cls", [CompareOptions, RunOptions])
def test_the_target_is_the_only_value_without_a_name(cls: type) -> None:
    assert [field.name for field in fields(cls) if not field.kw_only] == ["target"]


def test_pytest_has_each_option_under_its_own_name() -> None:
    table = options_in(PytestOptions)
    parser = argparse.ArgumentParser()
    for name in IN_PYTEST:
        flags, keywords = table[name].arguments(name, "ws-")
        parser.add_argument(*flags, **keywords)
    arguments = [
        "--ws-target=shop:app",
        "--ws-unix=/run/a.sock",
        "--ws-budget=none",
        "--ws-set=a.b=1",
        "--ws-login=hex:00",
    ]
    options = read_options(PytestOptions, vars(parser.parse_args(arguments)), IN_PYTEST, "ws-")
    assert (options.target, options.unix, options.settings) == ("shop:app", "/run/a.sock", ("a.b=1",))
    assert options.budget == math.inf
    assert options.login == (b"\x00",)
    assert (options.sample, options.server, options.strict) == (None, "auto", False)


def test_an_option_named_in_a_help_has_the_same_beginning() -> None:
    help_text = options_in(PytestOptions)["metrics_token"].arguments("metrics_token", "ws-")[1]["help"]
    assert "--ws-token and --ws-header are not sent to it" in help_text


def test_the_table_of_options_imports_no_large_module() -> None:
    code = "import sys, wsproof.session.options; print('numpy' in sys.modules, 'rich' in sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout.split() == ["False", "False"]

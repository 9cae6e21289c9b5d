"""Tests that a run sends the members' secrets to the server, and neither stores nor prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.ticketed_project import LOAD, TARGET, assert_hidden, project

__all__ = ["project"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("bench", *TARGET, "--env", "FAULT=lose", *LOAD, "--slo", "lost == 0"), {1}),
        (("bench", *TARGET, "--workload", "ticketed:1", *LOAD), {1}),
        pytest.param(
            ("capacity", *TARGET, *LOAD, "--slo", "lost == 0", "--from", "2", "--to", "3", "--trials", "2"),
            {0, 1, 3},
            marks=pytest.mark.slow,
        ),
        pytest.param(("load", *TARGET, "--headless", "--users", "3", "--duration", "2"), {1}, marks=pytest.mark.slow),
        pytest.param(
            ("compare", "HEAD", "HEAD", *TARGET, *LOAD, "--publishers", "1", "--apart", "--pairs", "1"),
            {0, 1, 3},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("run", *TARGET, *LOAD, "--only", "ticketed.delivery", "--examples", "2", "--users", "3"),
            {1},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["bench", "mix", "capacity", "load", "compare", "run"],
)
def test_no_secret_of_a_member_is_written_or_printed(
    words: tuple[str, ...], codes: set[int], project: Path, tmp_path: Path
) -> None:
    assert_hidden(words, codes, project, tmp_path)

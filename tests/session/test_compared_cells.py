from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from wsproof import CompareOptions, UsageError
from wsproof.session.compare import ResultLog, conditions_of, measure_refs
from wsproof.session.compared_cells import cell_contexts, cells_of, joined_settings
from wsproof.session.context import CommandContext


def context(**changes: Any) -> CommandContext[CompareOptions]:
    options = {"base": "main", "candidate": "HEAD", "target": "shop:app", "channels": "reference", "out": Path("out")}
    return CommandContext(CompareOptions(**{**options, **changes}))


def names(**changes: Any) -> list[str]:
    return [cell.name for cell in cells_of(cell_contexts(context(**changes)))]


def test_one_workload_on_one_server_is_no_matrix() -> None:
    assert names() == names(workload="echo") == names(server="granian") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"workload": "chat,echo"}, ["chat", "echo"]),
        ({"server": "uvicorn,granian"}, ["uvicorn", "granian"]),
        (
            {"server": "granian,hypercorn", "workload": "chat, echo"},
            ["granian, chat", "granian, echo", "hypercorn, chat", "hypercorn, echo"],
        ),
    ],
)
def test_a_cell_is_named_by_what_differs(changes: dict[str, Any], expected: list[str]) -> None:
    assert names(**changes) == expected


def test_each_cell_has_the_plan_of_its_workload_and_the_name_of_its_server() -> None:
    cells = cells_of(cell_contexts(context(server="granian,hypercorn", workload="chat,echo")))
    assert [(cell.plan.workload, cell.server) for cell in cells][:3] == [
        ("chat", "granian"),
        ("echo", "granian"),
        ("chat", "hypercorn"),
    ]


def test_an_option_of_the_load_applies_to_each_workload() -> None:
    settings = joined_settings(cell_contexts(context(workload="chat,echo", format="binary")))
    assert settings == {"chat.format": "binary", "echo.format": "binary"}
    with pytest.raises(UsageError, match="the workload chat has no setting called rooms"):
        joined_settings(cell_contexts(context(workload="rooms,chat", rooms=3)))


def test_the_record_names_the_cells() -> None:
    assert conditions_of(context(workload="chat,echo"))["cells"] == ["chat", "echo"]
    assert "cells" not in conditions_of(context())


def test_a_command_runs_on_no_server_that_wsproof_chooses() -> None:
    with pytest.raises(UsageError, match="not an app"):
        names(target="cmd:./serve {port}", ready="http://127.0.0.1:{port}/", server="uvicorn,granian")


def test_several_workloads_cannot_be_measured_in_blocks() -> None:
    with pytest.raises(UsageError, match="leave out --apart"):
        measure_refs(context(workload="chat,echo", apart=True), cast("ResultLog", None))

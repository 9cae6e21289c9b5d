"""Tests that each project in examples/ runs without arguments, and that its channel passes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wsproof.cli.parser import parse_command
from wsproof.pytest.room import WsRooms
from wsproof.session.context import CommandContext

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/pyproject.toml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_members_join_and_leave_and_no_message_is_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples" / name)
    monkeypatch.setenv("ROOMS_TOKEN", "t0ken-of-an-example")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delitem(sys.modules, "wsproof_channels", raising=False)
    context = CommandContext(parse_command(["check"]).options)
    (workload,) = context.workloads
    monkeypatch.delitem(sys.modules, "wsproof_channels")
    with context.running() as server:
        rooms = WsRooms(server, context.workloads, workload)
        room = rooms(3)
        room.say(0, "hello")
        room.leave(1, by="reset")
        room.say(2, "is anybody here?")
        room.join()
        room.say(0, "the last words before the end")
        room.leave(0)
        room.assert_delivered()
        rooms.close()


def test_all_examples_are_in_the_list() -> None:
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert EXAMPLES == ["fastapi", "starlette_token", "websockets"]
    assert [name for name in EXAMPLES if f"[{name}]({name})" not in page] == []

"""Tests that `wsproof init` detects formats, and writes files that work unchanged."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.ci.schemas import errors_by_schema
from wsproof import Audience, Contract, Envelope, UsageError
from wsproof.cli import main
from wsproof.session import recognition
from wsproof.session.channel_file import channel_file, channel_name, channel_names
from wsproof.session.init import InitResult, guessed_target
from wsproof.session.init_files import planned_files
from wsproof.session.message_shape import MessageShape
from wsproof.session.options import InitOptions
from wsproof.session.recognition import Publication, RecognisedChannel, filled_path, recognised_from

APP = """
from collections import defaultdict

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

rooms = defaultdict(list)


async def send(member, message):
    try:
        await (member.send_json(message) if isinstance(message, dict) else member.send_text(message))
    except (RuntimeError, WebSocketDisconnect):
        pass


async def texts(ws):
    while (event := await ws.receive())["type"] == "websocket.receive":
        yield event.get("text") or ""


async def chat(ws):
    name = ws.path_params["client_id"]
    await ws.accept()
    rooms["chat"].append(ws)
    async for text in texts(ws):
        await send(ws, f"You: {text}")
        for member in list(rooms["chat"]):
            await send(member, f"Client #{name} says: {text}")
    rooms["chat"].remove(ws)


async def closed(ws):
    await ws.close()


app = Starlette(
    routes=[
        WebSocketRoute("/ws/{client_id:int}", chat),
        WebSocketRoute("/closed", closed),
    ]
)
"""


ECHO = RecognisedChannel("/ws", False, Publication(), MessageShape(), None, Audience.PUBLISHER)


def test_init_examines_an_app_and_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path
    monkeypatch.chdir(folder)
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    for name in ("FIRST_S", "SETTLE_S", "ANSWER_S"):  # for machines that stall; no test reaches these timeouts
        monkeypatch.setattr(recognition, name, 60.0)
    assert main(["init", "shop:app"]) == 0
    output = capsys.readouterr().out
    assert "/ws/{client_id:int}: text; all members receive it, and its publisher receives another message" in output
    assert "/closed: no format recognised: the server refuses a client with HTTP/1.1 403" in output
    table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert table == {
        "project": {"name": "shop"},
        "tool": {"wsproof": {"target": "shop:app", "channels": "wsproof_channels"}},
    }
    workflow = folder / ".github" / "workflows" / "wsproof.yml"
    assert "pip install . wsproof" in workflow.read_text(encoding="utf-8")
    assert errors_by_schema("vendor.github-workflows", workflow) == []
    assert "def test_chat_loses_nothing" in (folder / "test_websocket.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec((folder / "wsproof_channels.py").read_text(encoding="utf-8"), names)
    chat = names["WORKLOADS"][0]()
    assert chat.contract == Contract("chat", Audience.EVERYONE, replies=True)
    message = "Client #7 says: " + Envelope(7, 3, 0).seal("hello")
    assert chat.read(0, message).envelope.envelope == Envelope(7, 3, 0)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([["a1", "b2"], ["a1", "b2"]], (Audience.EVERYONE, MessageShape(), None, False)),
        ([["b2"], ["a1"]], (Audience.OTHERS, MessageShape(), None, False)),
        ([["a1"], ["b2"]], (Audience.PUBLISHER, MessageShape(), None, False)),
        ([["hello", "a1"], ["hello", "b2"]], (Audience.PUBLISHER, MessageShape(), None, True)),
        (
            [["you: a1", "b2"], ["a1", "you: b2"]],
            (Audience.OTHERS, MessageShape(), MessageShape(before="you: "), False),
        ),
        (
            [["you: a1", "#1: a1", "#2: b2"], ["#1: a1", "you: b2", "#2: b2", "#1 left"]],
            (Audience.EVERYONE, MessageShape(before="#2: "), MessageShape(before="you: "), True),
        ),
        ([["hello"], []], (Audience.NOBODY, None, None, True)),
    ],
)
def test_init_derives_the_promised_audience_from_the_receipts(
    received: list[list[str]], expected: tuple[object, ...]
) -> None:
    channel = recognised_from("/ws", Publication(), received, ["a1", "b2"], is_of_member=False)
    assert (channel.audience, channel.delivery, channel.reply, channel.has_other_messages) == expected


def test_a_dry_run_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = planned_files(tmp_path, "shop:app", InitOptions(), [ECHO], starts=False)
    monkeypatch.setattr(
        import_module("wsproof.cli.init"), "init", lambda _, **more: InitResult("shop:app", [ECHO], files)
    )
    assert main(["init", "--dry-run"]) == 0
    assert list(tmp_path.iterdir()) == []
    assert "--- wsproof_channels.py" in capsys.readouterr().out
    (tmp_path / "wsproof_channels.py").write_text("# mine\n", encoding="utf-8")
    files[:] = planned_files(tmp_path, "shop:app", InitOptions(), [ECHO], starts=False)
    assert main(["init"]) == 0
    assert "wsproof_channels.py: not changed (--yes overwrites it)" in capsys.readouterr().out
    assert (tmp_path / "wsproof_channels.py").read_text(encoding="utf-8") == "# mine\n"
    assert main(["init", "--yes"]) == 0
    assert "class Chat(Workload)" in (tmp_path / "wsproof_channels.py").read_text(encoding="utf-8")


def planned(folder: Path, channels: Iterable[RecognisedChannel], **options: str) -> dict[str, str]:
    files = planned_files(folder, "shop:app", InitOptions(**options), list(channels), starts=True)  # type: ignore[arg-type]
    return {str(file.path.relative_to(folder)): file.text for file in files}


def test_an_existing_table_gets_only_its_missing_keys(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.wsproof]\ntarget = "shop:app"\n\n[tool.other]\nkey = 1\n')
    text = planned(tmp_path, [ECHO], token="t0ken")["pyproject.toml"]
    assert tomllib.loads(text)["tool"] == {
        "wsproof": {"target": "shop:app", "channels": "wsproof_channels", "token": "$WS_TOKEN"},
        "other": {"key": 1},
    }
    assert "t0ken" not in text
    (tmp_path / "pyproject.toml").write_text('[tool.wsproof]\ntarget = "other:app"\n')
    assert "pyproject.toml" not in planned(tmp_path, [ECHO])


def test_the_plan_marks_existing_files_that_it_would_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_websocket.py").write_text("# mine\n")
    files = planned_files(tmp_path, "shop:app", InitOptions(), [ECHO], starts=False)
    assert {str(file.path.relative_to(tmp_path)): file.replaces for file in files} == {
        "pyproject.toml": False,
        "wsproof_channels.py": False,
        "tests/test_websocket.py": True,
    }


@pytest.mark.parametrize(
    ("channel", "name", "lines"),
    [
        (ECHO, "chat", ["return Parsed(MessageKind.DELIVERY, open_envelope(message), text=message)"]),
        (
            RecognisedChannel(
                "/live/orders",
                False,
                Publication({"type": "chat"}, "message"),
                MessageShape(("data", "text"), tag=("type", 'a"b')),
                MessageShape(("ok",)),
                Audience.OTHERS,
            ),
            "orders",
            [
                'return json.dumps({"type": "chat", "message": envelope.seal(body)})',
                'case {"type": "a\\"b", "data": {"text": str(text)}}:',
                'case {"ok": str(text)}:',
                'contract = Contract("orders", Audience.OTHERS, replies=True)',
            ],
        ),
        (
            RecognisedChannel(
                "/rooms/{room}/{client_id:int}",
                True,
                Publication({}, "text"),
                MessageShape(('a"b', "c\r\\d")),
                MessageShape(before='you "said"\r\n'),
                Audience.OTHERS,
            ),
            "rooms",
            [
                'return f"/rooms/{self.name_of(member)}/{self.name_of(member)}"',
                'case {"a\\"b": {"c\\r\\\\d": str(text)}}:',
            ],
        ),
        (
            RecognisedChannel(
                "/7", False, Publication(is_binary=True), MessageShape(is_binary=True), None, Audience.OTHERS
            ),
            "channel7",
            ["return envelope.seal_bytes(body.encode())"],
        ),
    ],
)
def test_the_channel_file_of_each_form_is_python(channel: RecognisedChannel, name: str, lines: list[str]) -> None:
    text = channel_file([channel])
    names: dict[str, object] = {}
    exec(compile(text, "wsproof_channels.py", "exec"), names)
    assert channel_name(channel) == name
    assert [line for line in lines if line not in text] == []
    assert isinstance(names["WORKLOADS"], list)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("/x", "/x2"), ["x", "x2"]),
        (("/x2", "/x"), ["x2", "x"]),
        (("/x", "/x2", "/a/x", "/b/x"), ["x", "x2", "x3", "x4"]),
        (("/x2", "/x", "/a/x"), ["x2", "x", "x3"]),
        (("/ws", "/feed"), ["chat", "feed"]),
        (("/none", "/contract", "/workload"), ["none2", "contract2", "workload2"]),
    ],
)
def test_each_channel_has_its_own_class(paths: tuple[str, ...], expected: list[str]) -> None:
    channels = [replace(ECHO, path=path) for path in paths]
    assert channel_names(channels) == expected
    names: dict[str, Any] = {}
    exec(compile(channel_file(channels), "wsproof_channels.py", "exec"), names)
    assert [kind.name for kind in names["WORKLOADS"]] == expected
    assert [kind().path(0) for kind in names["WORKLOADS"]] == list(paths)


def test_parameters_of_a_path_are_filled_in() -> None:
    assert filled_path("/ws", "7") == "/ws"
    assert filled_path("/rooms/{room}/of/{client_id:int}", "7") == "/rooms/7/of/7"


def test_a_target_is_guessed_only_if_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no app was found in this folder"):
        guessed_target(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "asgi.py").write_text("from fastapi import FastAPI\n\napplication: FastAPI = FastAPI()\n")
    assert guessed_target(tmp_path) == "shop.asgi:application"
    (tmp_path / "main.py").write_text("app = starlette.Starlette(routes=[])\n")
    with pytest.raises(UsageError, match=r"this folder has several apps: main:app, shop[.]asgi:application"):
        guessed_target(tmp_path)

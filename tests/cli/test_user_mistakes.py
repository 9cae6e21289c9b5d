"""Tests of typical user mistakes: each message names what was expected, what was given and what to try."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.refusing import answering
from tests.forked import ROOT
from wsproof.cli import main
from wsproof.cli.parser import build_parser

FILES = {
    "shop.py": "from fastapi import FastAPI, WebSocket\napp = FastAPI()\n@app.websocket('/ws/{client_id}')\n"
    "async def talk(websocket: WebSocket, client_id: int): ...\n",
    "wanting.py": "import surely_not_installed\n",
    "configured.py": "import os\nKEY = os.environ['SHOP_KEY']\n",
    "page.py": "from fastapi import FastAPI\napp = FastAPI()\n",
    "maker.py": "def create_app(): ...\n",
    "number.py": "app = 42\n",
    "broken.py": "def broken(:\n",
    "shop_channels.py": "from wsproof.workloads.chat import Chat\nclass Shop(Chat):\n    name = 'shop'\n"
    "WORKLOADS = [Shop]\n",
    "empty_channels.py": "",
    "known.toml": "this is [no toml",
    "trace.txt": "soon\n",
}
ECHO = """\
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": str(message.get("text"))})
"""
AT = ("shop:app", "--path", "/ws/1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, source in FILES.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message of a command that exits with code 2."""
    try:
        code = main(words)
    except SystemExit as ended:  # argparse
        code = int(str(ended.code))
    message = capsys.readouterr().err
    assert code == 2, message
    return message


def options_of(verb: str) -> set[str]:
    (verbs,) = (action for action in build_parser()._actions if action.dest == "verb")
    assert isinstance(verbs.choices, dict)
    return set(verbs.choices[verb]._option_string_actions) | {"--help", "--port"}


MISTAKES = [
    (("check", "nowhere:app"), r"expected to import nowhere:app.*No module named 'nowhere'.*folder from which"),
    (("check", "shop:ap", "--path", "/ws/1"), r"did you mean shop:app\?"),
    (("check", "shop"), r"did you mean shop:app\?"),
    (("check", "shop.py"), r"did you mean shop:app\?"),
    (("check", "shop:app"), r"/ws/\{client_id\}.*--path /ws/1"),
    (("check", "shop:app", "--path", "/wss/1"), r"no WebSocket route for the path /wss/1.*--path /ws/\{client_id\}"),
    (("check", "wanting:app"), r"No module named 'surely_not_installed'"),
    (("check", "configured:app"), r"KEY = os\.environ\['SHOP_KEY'\].*KeyError: 'SHOP_KEY'.*--env NAME=VALUE"),
    (("check", "page:app", "--path", "/ws"), r"has no WebSocket route.*/docs"),
    (("check", "maker:create_app"), r"no ASGI app.*from maker import create_app"),
    (("bench", "number:app", "--channels", "tutorial"), r"no ASGI app.*is 42"),
    (("check", *AT, "--channels", "broken"), r"broken\.py:1: invalid syntax"),
    (("check", *AT, "--channels", "shop_chanels"), r"did you mean shop_channels\?"),
    (("check", *AT, "--channels", "empty_channels"), r"empty_channels\.py: .*no list WORKLOADS"),
    (("check", *AT, "--channels", "shop_channels", "--set", "shop.prefx=a"), r"Did you mean shop\.prefix\?"),
    (("bench", "shop:app", "--channels", "tutorial", "--workload", "chatt"), r"one of echo, chat, dashboard"),
    (("check", "https://127.0.0.1:1/ws"), r"Did you mean wss://127\.0\.0\.1:1/ws\?"),
    (("check", "127.0.0.1:1/ws"), r"did you mean ws://127\.0\.0\.1:1/ws\?"),
    (("check", "ws://127.0.0.1:1/ws", "--server", "uvicorn"), r"a URL is a running server"),
    (("check", *AT, "--accepted", "absent.toml"), r"cannot read .*absent\.toml: No such file.*--write-accepted FILE"),
    (("check", *AT, "--accepted", "folder"), r"cannot read .*folder: Is a directory"),
    (("check", *AT, "--accepted", "known.toml"), r"known\.toml to be a TOML file.*line 1"),
    (("check", *AT, "--pathh", "/ws"), r"unrecognized arguments: --pathh /ws\. Did you mean --path\?"),
    (("bench", *AT, "--chanels=tutorial"), r"Did you mean --channels\?"),
    (("chek", *AT), r"Did you mean check\?"),
    (("check", *AT, "--budget", "soon"), r"such as 10s, 500ms or 2m, got 'soon'"),
    (("check", *AT, "--only", "5.55"), r"--only 5\.55 names no check: did you mean"),
    (("check", *AT, "--only", "server-masked"), "server-masked is a rule that other checks test"),
    (("bench", *AT, "--channels", "shop_channels", "--arrivals", "trace:trace.txt"), r"trace\.txt"),
    (("check", *AT, "--json", "absent/copy.json"), r"--json absent/copy\.json: the folder absent does not exist"),
    (("check", *AT, "--header", "Authorization"), r"expected --header 'Name: value'"),
    (("check", *AT, "--env", "SHOP_KEY"), r"expected --env NAME=VALUE"),
    (("check", "cmd:./absent {port}", "--ready", "ws://127.0.0.1:{port}/"), r"cannot run \./absent.*Try it by hand"),
    (("check", "cmd:./server {port}"), r"needs --ready URL"),
    (("replay", "absent.json"), r"cannot read absent\.json"),
    (("report", "absent"), r"no runs here yet"),
]


@pytest.mark.parametrize(("words", "expected"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_each_mistake_has_a_message_with_advice(
    words: tuple[str, ...], expected: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(words, capsys)
    assert re.search(expected, message, re.DOTALL), message
    assert "Traceback" not in message
    assert "bug of ours" not in message
    own = re.sub(r"`wsproof [^`]*`|\(usage: [^)]*\)|unrecognized arguments: [^.]*\.", "", message)
    if words[0] != "chek":
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", own))
        assert named <= options_of(words[0]), "a message names only options that this verb has"
    assert not (project / ".wsproof").exists(), "the command has no result, so it keeps no record"


def test_a_port_in_use_is_reported_with_advice(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        message = refused(("serve", "shop:app", "--port", port), capsys)
    assert f"port {port}" in message
    assert "choose another --port" in message


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("403 Forbidden", ("--origin", "--header", "--token")),
        ("401 Unauthorized", ("--origin", "--header", "--token")),
        ("404 Not Found", ("Is the path right",)),
        ("200 OK", ("an ordinary web page",)),
        ("302 Found", ("does not follow",)),
    ],
)
def test_a_refusal_is_reported_with_advice(
    status: str, words: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port:
        url = f"ws://127.0.0.1:{port}"
        short = ("--subscribers", "1", "--duration", "1")
        message = refused(("bench", url, "--channels", "tutorial", *short), capsys)
        assert main(("check", url, "--channels", "shop_channels", "--only", "shop.delivery")) == 3
    output = capsys.readouterr().out
    for word in words:
        assert word in message
        assert word in output


def pytest_as_a_user_runs_it(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "wsproof.delivery", *words]
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{cwd}"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_pytest_without_a_target_names_its_own_options(project: Path) -> None:
    done = pytest_as_a_user_runs_it(cwd=project)
    assert done.returncode == 2, done.stdout
    assert "no --ws-target was given" in done.stdout + done.stderr
    assert not re.search(r"(?<![\w-])--(?:ready|path|channels)\b", done.stdout + done.stderr)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_pytest_reports_a_mistake_in_a_channel_file_with_only_its_line(project: Path) -> None:
    raising = "    def read(self, member, message): raise KeyError('typo')\nWORKLOADS"
    (project / "typo_channels.py").write_text(FILES["shop_channels.py"].replace("WORKLOADS", raising))
    (project / "echo.py").write_text(ECHO, encoding="utf-8")
    target = ("--ws-target", "echo:app", "--ws-channels", "typo_channels")
    done = pytest_as_a_user_runs_it("-k", "delivery", *target, cwd=project)
    assert done.returncode == 1, done.stdout
    assert "typo_channels.py:4: Shop.read raised KeyError: 'typo'" in done.stdout
    assert "crowd.py" not in done.stdout

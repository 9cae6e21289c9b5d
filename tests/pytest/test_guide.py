"""Tests of the app and the tests in docs/how-to/pytest.md, copied as a user would."""

from __future__ import annotations

import asyncio
import importlib
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "pytest.md"
TARGET = ("--ws-target=my_app:app", "--ws-channels=my_channels")
QUIET = ("-p", "no:cacheprovider", "-q")
ANYIO_BACKEND = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def write_project(folder: Path) -> list[str]:
    """Write the files of the page, and return their names."""
    files = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(files)


def test_the_tests_of_the_page_pass(pytester: pytest.Pytester) -> None:
    assert write_project(pytester.path) == ["my_app.py", "test_chat.py", "my_channels.py", "test_room.py"]
    pytester.makeconftest(ANYIO_BACKEND)
    (options,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (pytester.path / "pyproject.toml").write_text(options, encoding="utf-8")
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=7)


def test_the_app_of_the_page_reads_what_a_client_sent_before_it_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_app", raising=False)
    app: Any = importlib.import_module("my_app").app
    monkeypatch.delitem(sys.modules, "my_app")
    heard: list[str] = []
    listens = asyncio.Event()

    async def hear(message: Any) -> None:
        if message["type"] == "websocket.accept":
            listens.set()
        heard.append(message.get("text", message["type"]))

    async def lose(message: Any) -> None:
        if message["type"] == "websocket.send":
            raise OSError("the client has closed")

    async def play() -> None:
        scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "subprotocols": []}
        connected, ended = {"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}
        listener: asyncio.Queue[Any] = asyncio.Queue()
        listener.put_nowait(connected)
        task = asyncio.create_task(app(scope, listener.get, hear))
        await listens.wait()
        texts = [{"type": "websocket.receive", "text": text} for text in ("first", "second")]
        events = iter([connected, *texts, ended])

        async def next_event() -> Any:
            return next(events)

        await app(scope, next_event, lose)
        listener.put_nowait(ended)
        await task

    asyncio.run(play())
    assert heard == ["websocket.accept", "first", "second"]


FAILING = """
from my_app import app as right


async def app(scope, receive, send):
    async def changed(message):
        if message.get("text") == "be wrong":
            message = {"type": "websocket.send", "text": "something else"}
            print("the app writes this", flush=True)
        await send(message)
        if message.get("text", "").startswith("twice"):
            await send(message)
    await right(scope, receive, changed)
"""


def test_a_failure_shows_frames_server_output_and_evidence(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    for name in ("test_chat.py", "test_room.py"):
        (pytester.path / name).unlink()
    pytester.path.joinpath("wrong.py").write_text(FAILING, encoding="utf-8")
    pytester.makepyfile(
        """
        def test_wrong_text(ws_client):
            client = ws_client("/ws")
            client.send("be wrong")
            assert client.receive() == "be wrong"

        def test_wrong_text_after_a_restart(ws_server, ws_client):
            ws_server.restart()
            test_wrong_text(ws_client)

        def test_the_end_comes_first(ws_client):
            client = ws_client("/ws")
            client.close()
            client.receive()

        def test_duplicated(ws_room):
            room = ws_room(2)
            room.say(0, "twice this")
            room.assert_delivered()

        def test_accepted(ws_client):
            ws_client.refused("/ws")

        def test_no_such_member(ws_room):
            ws_room(1).say(4, "hello")
        """
    )
    result = pytester.runpytest_subprocess("--ws-target=wrong:app", "--ws-path=/ws", TARGET[1], *QUIET)
    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(
        [
            "*frames of ws_client 1 (/ws)*",
            '*client sends    TEXT fin=1 mask=* len=8 "be wrong"',
            '*client receives TEXT fin=1 mask=- len=14 "something else"',
            "*what the server wrote*",
            "the app writes this",
            "*test_wrong_text_after_a_restart*",
            "*what the server wrote*",
            "the app writes this",
            "*ws_client 1 (/ws): expected a message, but the connection ended first; *close frame*",
            "*duplicated: *member 0*",
            "*promised: *",
            "*ws_client 1 (/ws): expected the server to refuse, but it accepted*",
            "ws_room has no member 4: it has 1, numbered from 0*",
        ]
    )


REPEATING_A_FIELD = """
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"etag", b"a"), (b"etag", b"b")]})
        await receive()
"""


def test_a_violation_fails_a_test_whose_own_assertions_hold(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("repeating.py").write_text(REPEATING_A_FIELD, encoding="utf-8")
    pytester.makepyfile("def test_own(ws_client): assert ws_client('/ws').is_open")
    result = pytester.runpytest_subprocess("--ws-target=repeating:app", *QUIET)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the server broke the protocol", "server-field-repeated (RFC 9110 5.3): *"])


@pytest.mark.slow
def test_a_server_that_does_not_answer_the_handshake_fails_a_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("kind", ["ws_client", "ws_peer"])
        def test_silent(request, kind):
            with pytest.raises(AssertionError, match=f"{kind} 1 .*but the server sent nothing for"):
                request.getfixturevalue(kind)(timeout_s=0.2)

        def test_tcp_alone(ws_peer):
            assert ws_peer(handshake=False).peer.response is None
        """
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = pytester.runpytest_subprocess(f"--ws-target=ws://127.0.0.1:{port}/ws", *QUIET)
    result.assert_outcomes(passed=3)


@pytest.mark.slow
def test_a_room_without_channels_fails_with_one_sentence(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    result = pytester.runpytest_subprocess(TARGET[0], "test_room.py", *QUIET)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no channels given. Use --ws-channels tutorial *"])
    result.stdout.no_fnmatch_line("*UsageError*")


SLOW = """
import asyncio

from my_app import app as right


async def app(scope, receive, send):
    async def delayed(message):
        if message.get("text", "").startswith("slow"):
            await asyncio.sleep(4)
        await send(message)
    await right(scope, receive, delayed)
"""


@pytest.mark.slow
def test_a_server_that_needs_most_of_the_timeout_has_lost_nothing(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    pytester.path.joinpath("slow.py").write_text(SLOW, encoding="utf-8")
    pytester.makepyfile(
        test_slow="""
        def test_slow(ws_room):
            room = ws_room(1, timeout_s=6)
            room.say(0, "slow answer")
            room.assert_delivered()
        """
    )
    result = pytester.runpytest_subprocess("--ws-target=slow:app", "--ws-path=/ws", TARGET[1], "test_slow.py", *QUIET)
    result.assert_outcomes(passed=1)


ECHOING_THE_TOKEN = """
from my_app import app as right


async def app(scope, receive, send):
    async def changed(message):
        if message.get("text", "").startswith("who am I"):
            message = {"type": "websocket.send", "text": dict(scope["headers"])[b"authorization"].split()[-1].decode()}
        await send(message)
    await right(scope, receive, changed)
"""


@pytest.mark.slow
def test_a_failure_shows_no_token_of_the_target(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    for name in ("test_chat.py", "test_room.py"):
        (pytester.path / name).unlink()
    pytester.path.joinpath("echoing.py").write_text(ECHOING_THE_TOKEN, encoding="utf-8")
    pytester.makepyfile(
        """
        def test_frames(ws_client):
            client = ws_client("/ws")
            client.send("who am I")
            client.receive()
            assert False

        def test_findings(ws_room):
            room = ws_room(1)
            room.say(0, "who am I")
            room.assert_delivered()
        """
    )
    options = ("--ws-target=echoing:app", "--ws-path=/ws", "--ws-token=t0ken-of-a-tester")
    result = pytester.runpytest_subprocess(*options, TARGET[1], *QUIET)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*client receives TEXT *", "*phantom: member 0*received*"])
    result.stdout.no_fnmatch_line("*t0ken-of-a-tester*")


def test_a_run_that_needs_no_hypothesis_does_not_import_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import atexit, sys\n"
        "names = ('hypothesis', 'numpy', 'wsproof.wire')\n"
        "atexit.register(lambda: print('loaded:', [name for name in names if name in sys.modules]))\n"
    )
    pytester.makepyfile("def test_own(): pass")
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["loaded: []"])


def test_a_test_with_hypothesis_is_reported_as_usual(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from hypothesis import given, strategies

        @given(strategies.integers())
        def test_own(number): assert number < 0
        """
    )
    result = pytester.runpytest_subprocess(*QUIET, "--hypothesis-show-statistics")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Hypothesis Statistics*"])

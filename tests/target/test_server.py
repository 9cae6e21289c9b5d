from __future__ import annotations

import itertools
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.net.hand import HandServer
from wsproof import TargetError, UsageError
from wsproof.machine.ports import PortState, free_port, probe_port
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.target import launch, process
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import Target, parse_target
from wsproof.wire import TextMessage

ROOT = Path(__file__).parents[2]
SERVERS_PY = Path(__file__).parent / "apps" / "servers.py"


def echo_target(**options: object) -> Target:
    return parse_target("tests.target.apps.echo:app", path="/", cwd=ROOT, **options)  # type: ignore[arg-type]


def command_target(kind: str, ready: str = "ws://127.0.0.1:{port}/ws", port: str = "{port}") -> Target:
    return parse_target(f"cmd:'{sys.executable}' '{SERVERS_PY}' {kind} {port}", ready=ready, cwd=ROOT)


def ask(server: RunningServer, text: str) -> str:
    with Client(server.endpoint) as client:
        client.open()
        client.send_text(text)
        event = client.wait_event(lambda event: isinstance(event, TextMessage))
        assert isinstance(event, TextMessage)
        return event.text


class TestRunningApps:
    def test_a_started_server_lives_until_the_end_and_has_the_requested_environment(self) -> None:
        with serve(echo_target(env=["SHOP=one", "OTHER=x"]), extra_env={"OTHER": "two"}) as server:
            assert server.owned
            assert server.is_alive()
            assert "uvicorn" in psutil.Process(server.pid).cmdline()
            assert (ask(server, "environment SHOP"), ask(server, "environment OTHER")) == ("one", "two")
        assert not server.is_alive()
        assert server.pid is None
        assert probe_port("127.0.0.1", server.endpoint.port) is PortState.NOTHING

    def test_the_output_of_a_server_is_kept_without_secrets_and_without_control_characters(self) -> None:
        with serve(echo_target(headers=["Authorization: Bearer sesame-street"])) as server:
            ask(server, "print token is sesame-street \x1b[2J")
            ask(server, "print second")
        assert server.output_tail() == ["token is [redacted] \\x1b[2J", "second"]
        assert server.output_tail(1) == ["second"]

    def test_a_restart_gives_a_fresh_process_at_the_same_address(self) -> None:
        with serve(echo_target()) as server:
            pid, endpoint = server.pid, server.endpoint
            server.restart()
            assert server.endpoint == endpoint
            assert server.pid is not None
            assert server.pid != pid
            assert ask(server, "again") == "again"

    def test_two_servers_at_once_have_different_ports(self) -> None:
        with serve(echo_target()) as first, serve(echo_target()) as second:
            assert first.endpoint.port != second.endpoint.port
            assert (ask(first, "1"), ask(second, "2")) == ("1", "2")

    def test_the_port_can_be_chosen(self) -> None:
        port = free_port("127.0.0.1")
        with serve(echo_target(), port=port) as server:
            assert server.endpoint.port == port


class TestFailedStarts:
    def test_an_app_that_raises_at_import_is_an_error_with_its_output_without_secrets(self) -> None:
        target = parse_target("tests.target.apps.raises:app", path="/", cwd=ROOT, env=["SHOP_PASSWORD=hunter2"])
        with pytest.raises(TargetError) as caught, serve(target):
            pass
        message = str(caught.value)
        assert "the database is not there" in message
        assert "hunter2" not in message
        assert "Try it by hand: python -m uvicorn tests.target.apps.raises:app" in message

    def test_a_missing_app_is_an_error_that_suggests_the_existing_one(self) -> None:
        with (
            pytest.raises(UsageError, match=r"there is none: did you mean tests\.target\.apps\.echo:app"),
            serve(parse_target("tests.target.apps.echo:nothing", path="/", cwd=ROOT)),
        ):
            pass

    def test_a_missing_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="Does the folder exist"), serve(echo_target().but(cwd=tmp_path / "no")):
            pass

    def test_a_port_in_use_is_an_error_before_anything_starts(self) -> None:
        with (
            HandServer() as listener,
            pytest.raises(TargetError, match=f"port {listener.port} of 127.0.0.1 to be free"),
            serve(echo_target(), port=listener.port),
        ):
            pass

    def test_a_command_that_does_not_exist_is_an_error(self) -> None:
        target = parse_target("cmd:./no-such-server {port}", ready="ws://127.0.0.1:{port}/", cwd=ROOT)
        with pytest.raises(TargetError, match=r"cannot run ./no-such-server: No such file"), serve(target):
            pass

    def test_a_server_that_never_listens_is_an_error_and_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        last_words = launch._last_lines

        def wait_for_output_tail(process: process.ServerProcess) -> str:
            """Wait for output first, since an interpreter may take longer than the timeout to write any."""
            deadline = Deadline.after(60)
            while not process.output.lines(1) and not deadline.passed:
                time.sleep(0.01)
            return last_words(process)

        monkeypatch.setattr(launch, "_last_lines", wait_for_output_tail)
        with (
            pytest.raises(TargetError, match=r"nobody listened there[\s\S]*thinking about it, token=\[redacted\]"),
            serve(command_target("silent"), timeout_s=0.1),
        ):
            pass

    def test_a_url_without_a_listening_server_is_an_error(self) -> None:
        port = free_port("127.0.0.1")
        with pytest.raises(TargetError, match="Is it running"), serve(parse_target(f"ws://127.0.0.1:{port}/ws")):
            pass


class TestCommands:
    def test_a_command_is_ready_when_its_ready_url_answers_with_200(self) -> None:
        with serve(command_target("health", ready="http://127.0.0.1:{port}/health")) as server:
            assert server.name == "command"
            assert server.endpoint.path == "/"
            # The server answers 503 at first. Its log may arrive a moment after its answer.
            deadline = Deadline.after(10)
            while not any(line.endswith('" 200 -') for line in server.output_tail()) and deadline.remaining_s > 0:
                time.sleep(0.01)
            assert server.output_tail()[-1].endswith('" 200 -')

    def test_a_port_that_the_command_has_fixed_is_taken_from_the_ready_url(self) -> None:
        port = free_port("127.0.0.1")
        target = command_target("closes", ready=f"ws://127.0.0.1:{port}/ws", port=str(port))
        with serve(target) as server:
            assert server.endpoint.url == f"ws://127.0.0.1:{port}/ws"
        with pytest.raises(UsageError, match="--port 1 contradicts --ready"), serve(target, port=1):
            pass

    def test_a_server_and_its_child_that_ignore_sigterm_are_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "GRACE_S", 0.3)
        target = command_target("stubborn").with_env({"WITH_CHILD": "1"})
        with serve(target) as server:
            assert server.pid is not None
            root = psutil.Process(server.pid)
            tree = [root, *root.children(recursive=True)]
            assert len(tree) == 2
        # Whoever inherits the killed child may take a while to collect its exit code.
        _, alive = psutil.wait_procs(tree, timeout=30)
        assert [member for member in alive if member.status() != psutil.STATUS_ZOMBIE] == []

    def test_a_port_on_which_another_process_listens_is_an_error(self) -> None:
        silent = process.ServerProcess([sys.executable, str(SERVERS_PY), "silent", "0"], cwd=ROOT, env={})
        try:
            with HandServer() as listener:
                assert silent.listens_on(listener.port) is False
        finally:
            silent.stop()
        assert silent.exit_code is not None

    def test_a_port_of_another_process_is_an_error_although_our_process_listens_after_the_check(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pids = itertools.chain([None], itertools.repeat(1))
        monkeypatch.setattr(process.ServerProcess, "pid", property(lambda self: next(pids)))
        silent = process.ServerProcess([sys.executable, str(SERVERS_PY), "silent", "0"], cwd=ROOT, env={})
        try:
            assert silent.listens_on(1) is False
        finally:
            silent.stop()


class TestUrls:
    def test_a_server_that_already_ran_is_not_ended(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"ws://127.0.0.1:{listening.getsockname()[1]}/ws?token=sesame"
            with serve(parse_target(url)) as server:
                assert not server.owned
                assert server.pid is None
                assert server.is_alive()
                assert server.output_tail() == []
                assert server.endpoint.path == "/ws?token=sesame"
                assert "sesame" not in str(server.describe())
                with pytest.raises(TargetError, match="wsproof did not start"):
                    server.restart()
            assert server.is_alive()
        assert not server.is_alive()

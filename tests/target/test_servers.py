from __future__ import annotations

import sys
from pathlib import Path

import pytest
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from wsproof import TargetError, UsageError
from wsproof.model.reference_server import APP as REFERENCE_APP
from wsproof.net.client import Client
from wsproof.target.introspect import Interpreter, interpreter
from wsproof.target.server import serve
from wsproof.target.servers import SERVERS, choose_server, require_server_name
from wsproof.target.target import parse_target
from wsproof.wire import TextMessage

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "uvicorn"])
def test_every_server_starts_and_answers(name: str) -> None:
    app, path, expected = "tests.target.apps.echo:app", "/", "hello"
    if SERVERS[name].only_for is not None:
        app, path, expected = REFERENCE_APP, "/ws", "Message received: hello"
    target = parse_target(app, server=name, path=path, cwd=ROOT)
    with serve(target) as server:
        assert server.name == name
        with Client(server.endpoint) as client:
            assert client.open().status == 101
            client.send_text("hello")
            assert client.wait_event(lambda event: isinstance(event, TextMessage)) == TextMessage(expected, 1)
            assert client.close()
        described = server.describe()
    assert described["server"] == name
    assert described["command"][:3] == ["python", "-m", SERVERS[name].module]
    assert set(SERVERS[name].needs) <= set(described["versions"])


@pytest.mark.parametrize("name", ["auto", "uvicorn"])
@pytest.mark.parametrize(
    ("module", "entry"),
    [
        ("websockets_sansio_impl", "uvicorn-websockets-sansio"),
        ("websockets_impl", "uvicorn-websockets"),
        ("wsproto_impl", "uvicorn-wsproto"),
        ("something_new", "uvicorn"),
    ],
)
def test_auto_becomes_the_implementation_that_uvicorn_selects(name: str, module: str, entry: str) -> None:
    installed = Interpreter("3.11", {"uvicorn": "1", "websockets": "1", "wsproto": "1"}, module)
    assert choose_server(name, installed).name == entry


def test_this_interpreter_reports_the_implementation_that_auto_selects() -> None:
    implementation = interpreter(sys.executable).uvicorn_auto
    assert AutoWebSocketsProtocol is not None
    assert implementation == AutoWebSocketsProtocol.__module__.rpartition(".")[2]


def test_uvicorn_without_a_websocket_library_is_an_error_with_advice() -> None:
    with pytest.raises(TargetError, match="pip install websockets"):
        choose_server("auto", Interpreter("3.11", {"uvicorn": "1"}, None))


def test_a_server_that_is_not_installed_is_an_error_with_advice() -> None:
    with pytest.raises(TargetError, match=r"--server granian needs granian, .* pip install granian"):
        choose_server("granian", Interpreter("3.11", {}, None))


def test_the_direct_server_is_refused_for_another_app_than_the_reference_app() -> None:
    installed = Interpreter("3.11", {"uvicorn": "1", "websockets": "1"}, "websockets_sansio_impl")
    assert choose_server("uvicorn-direct", installed, REFERENCE_APP).name == "uvicorn-direct"
    with pytest.raises(UsageError, match=r"belongs to target_app and cannot run shop\.asgi:app"):
        choose_server("uvicorn-direct", installed, "shop.asgi:app")


def test_an_unknown_server_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"no server 'gunicorn'.*hypercorn"):
        require_server_name("gunicorn")


def test_only_the_reference_server_gets_limits_of_its_own() -> None:
    arguments = SERVERS["uvicorn-wsproto"].arguments
    assert "--ws-max-size" in arguments(REFERENCE_APP, "127.0.0.1", 1)
    assert "--ws-max-size" not in arguments("target_app.naive:app", "127.0.0.1", 1)

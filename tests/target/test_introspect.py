from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from tests.target.apps import echo, routes
from wsproof import TargetError, UsageError
from wsproof.target import _probe
from wsproof.target.introspect import _communicate, app_facts, interpreter, require_app, resolve_path
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (routes.included, ["/v1/rooms/lobby"]),
        (routes.mounted, ["/inner/socket"]),
        (routes.several, ["/ws", "/ws/{client_id}", "/sub/v1/rooms/lobby"]),
        (routes.wrapped, ["/v1/rooms/lobby"]),
        (routes.without, []),
        (echo.app, []),
    ],
)
def test_routes_are_found_wherever_they_are(app: object, expected: list[str]) -> None:
    assert list(_probe.websocket_paths(app, "", set())) == expected


def test_the_app_is_imported_in_a_process_of_its_own_and_may_print() -> None:
    paths = app_facts(parse_target("tests.target.apps.routes:several", cwd=ROOT)).paths
    assert paths == ("/ws", "/ws/{client_id}", "/sub/v1/rooms/lobby")


def test_the_path_is_the_only_route_and_the_root_for_an_app_without_routes() -> None:
    assert resolve_path(parse_target("tests.target.apps.routes:wrapped", cwd=ROOT)).path == "/v1/rooms/lobby"
    assert resolve_path(parse_target("tests.target.apps.echo:app", cwd=ROOT)).path == "/"


def test_a_given_path_is_used_without_importing_the_app() -> None:
    target = parse_target("no.such.module:app", path="/x", cwd=ROOT)
    assert resolve_path(target) == target


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("several", r"several WebSocket routes: /ws, /ws/\{client_id\}, /sub/v1/rooms/lobby.*--path /ws "),
        ("parametrised", r"one WebSocket route, which has a parameter: /ws/\{client_id\}.*--path /ws/1 "),
    ],
)
def test_an_ambiguous_path_is_an_error_that_lists_the_routes(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        resolve_path(parse_target(f"tests.target.apps.routes:{name}", cwd=ROOT))


def test_an_app_that_cannot_be_imported_is_an_error_with_the_end_of_its_output() -> None:
    target = parse_target("tests.target.apps.raises:app", cwd=ROOT, env=["SHOP_PASSWORD=hunter2"])
    with pytest.raises(TargetError, match="the database is not there") as caught:
        resolve_path(target)
    assert "hunter2" not in str(caught.value)


def test_a_missing_interpreter_is_an_error() -> None:
    with pytest.raises(TargetError, match="expected a Python interpreter at nothing-here"):
        interpreter("/nothing-here")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("number", r"no ASGI app.*is 42, of type int"),
        ("create_app", r"no ASGI app.*a function without arguments, which may make the app"),
        ("FastAPI", r"no ASGI app.*is a class"),
        ("wsgi", r"no ASGI app.*takes \(environ, start_response\), as WSGI apps do"),
        ("without", r"has no WebSocket route.*/docs"),
        ("severel", r"did you mean tests\.target\.apps\.routes:several\?"),
        ("nothing_like_it", r"there is none: it has .*included"),
    ],
)
@pytest.mark.parametrize("path", [None, "/ws"])
def test_an_object_that_is_no_app_is_reported_before_a_server_starts(name: str, words: str, path: str | None) -> None:
    with pytest.raises(UsageError, match=words):
        require_app(parse_target(f"tests.target.apps.routes:{name}", path=path, cwd=ROOT))


@pytest.mark.parametrize("app", ["routes:opaque", "routes:own_middleware", "routes:wrapped", "echo:app", "raises:app"])
def test_an_object_that_may_be_an_app_is_left_to_the_server(app: str) -> None:
    require_app(parse_target(f"tests.target.apps.{app}", path="/ws", cwd=ROOT))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["facts", "uvicorn", "autobahn"], "did not report its packages within 120 s"),
        (["routes", "my_app:app"], "importing my_app:app took longer than 30 s"),
    ],
)
def test_a_probe_that_exceeds_its_timeout_names_its_purpose(arguments: list[str], words: str) -> None:
    process = MagicMock()
    process.communicate.side_effect = [subprocess.TimeoutExpired("python", 0), (b"", b"")]
    with pytest.raises(TargetError, match=words):
        _communicate(process, arguments)

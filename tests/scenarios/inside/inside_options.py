"""Tests of wsproof's options on Locust's command line, and of their effects. No sockets, no server."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import msgpack  # type: ignore[import-untyped]
import pytest
from locust.argument_parser import get_empty_argument_parser

from wsproof.locust.options import add_options, as_locust_says, endpoint_of, options_of

URL = "ws://127.0.0.1:8000"


def environment(*words: str) -> SimpleNamespace:
    parser = get_empty_argument_parser(default_config_files=[])
    add_options(parser)
    return SimpleNamespace(parsed_options=parser.parse_args(words))


def test_the_target_is_the_host_with_the_options_of_a_target() -> None:
    options = options_of(environment("--ws-server", "uvicorn", "--ws-env", "A=1", "--remote"), "shop:app")
    assert (options.target, options.server, options.env, options.remote) == ("shop:app", "uvicorn", ("A=1",), True)


def test_three_options_also_have_short_names() -> None:
    for words in (("--server-hint", "ws"), ("--ws-server-hint", "ws")):
        assert options_of(environment(*words), None).server_hint == "ws"


def test_each_option_is_an_environment_variable_which_the_command_line_overrides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOCUST_WS_RATE", "50")
    monkeypatch.setenv("LOCUST_WS_STRICT", "true")
    monkeypatch.setenv("LOCUST_WS_SLO", "lost == 0")
    monkeypatch.setenv("LOCUST_WS_SET", "chat.rooms=2")
    monkeypatch.setenv("LOCUST_WS_KNOWN_DEVIATIONS", "ours.toml")
    options = options_of(environment(), None)
    assert (options.rate, options.strict, options.slo) == (50, True, ("lost == 0",))
    assert (options.settings, options.known_deviations) == (("chat.rooms=2",), Path("ours.toml"))
    assert options_of(environment("--ws-rate", "5"), None).rate == 5


def test_a_master_can_send_all_options_to_its_workers() -> None:
    made = environment("--ws-record", "runs", "--ws-ca", "own.pem", "--ws-slo", "lost == 0", "--ws-rate", "5")
    assert msgpack.unpackb(msgpack.packb(vars(made.parsed_options)))["ws_record"] == "runs"
    options = options_of(made, None)
    assert (options.record, options.ca) == (Path("runs"), "own.pem")


def test_each_connection_has_the_headers_and_the_token() -> None:
    words = ("--ws-header", "X-Room: 9", "--ws-token", "sesame", "--ws-subprotocol", "v1", "--ws-env", "A=1")
    endpoint = endpoint_of(environment(*words), URL)
    assert dict(endpoint.headers) == {"X-Room": "9", "Authorization": "Bearer sesame"}
    assert (endpoint.subprotocols, endpoint.port) == (("v1",), 8000)


def test_without_a_command_line_the_options_have_their_defaults() -> None:
    for parsed in (None, Namespace()):
        bare = SimpleNamespace(parsed_options=parsed)
        assert options_of(bare, None).server == "auto"
        assert endpoint_of(bare, URL).headers == ()


def test_messages_name_the_options_as_locust_has_them() -> None:
    assert as_locust_says("add --header, or --remote; --duration is none of ours") == (
        "add --ws-header, or --remote; --duration is none of ours"
    )
    assert as_locust_says("no TARGET was given") == "no --host was given"

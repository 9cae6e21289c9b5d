"""Tests of the locustfiles in docs/how-to/locust.md, as printed."""

from __future__ import annotations

import re

import pytest

from tests.forked import ROOT
from tests.scenarios.locusts import LATENCY, Ended, Locust, run_together, run_until
from wsproof.target.server import serve
from wsproof.target.target import parse_target

FILES = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "how-to" / "locust.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    with serve(parse_target("target_app.main:app")) as server:

        def start(name: str) -> Locust:
            folder = tmp_path_factory.mktemp(name)
            (folder / "locustfile.py").write_text(FILES[["five_lines", "mixed"].index(name)], encoding="utf-8")
            url = server.endpoint.at("/").url.rstrip("/")
            host = url.replace("ws", "http", 1) if name == "mixed" else url
            rows = f"{LATENCY},/,/ws: ask" if name == "mixed" else LATENCY
            return run_until(folder, rows, host=host, users=8, files=str(folder / "locustfile.py"))

        return run_together(start, ("five_lines", "mixed"))


def test_a_locustfile_of_five_lines_is_a_load_test(ended: dict[str, Ended]) -> None:
    ended_run = ended["five_lines"]
    assert ended_run.code == ended_run.code_if_valid, ended_run.output
    assert ended_run.rooms["chat"]["users"] == 8
    assert ended_run.rooms["chat"]["verdict"] == "valid"


def test_http_users_and_websocket_users_run_side_by_side(ended: dict[str, Ended]) -> None:
    mixed = ended["mixed"]
    assert mixed.summary is not None, mixed.output
    assert mixed.summary["failed"] == []
    assert mixed.code == mixed.code_if_valid, mixed.output
    for row in ("GET", "/ws: ask", "/ws: connect", "chat: latency from intended time"):
        assert row in mixed.output

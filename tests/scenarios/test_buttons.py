"""Tests of the buttons of Locust's page: fewer users, a second test, and a wrong host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenarios.locusts import Locust, wait_for
from tests.target_app.free_port import free_port
from tests.target_app.server import LOCALLY

UNCACHED = Path(__file__).with_name("uncached.py")


class Page:
    """Sends the requests of the buttons on Locust's page."""

    def __init__(self, locust: Locust, port: int) -> None:
        self.locust = locust
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", **LOCALLY)
        wait_for(lambda: "Starting web interface" in locust.output() and self._answers(), "the page is there", locust)

    def _answers(self) -> bool:
        try:
            return self.client.get("/").status_code == 200
        except httpx.ConnectError:
            return False

    def start(self, users: int, *classes: str, host: str | None = None) -> None:
        """Press the start button, or the edit button of a running test."""
        form: dict[str, Any] = {"user_count": users, "spawn_rate": 100, "user_classes": list(classes)}
        answer = self.client.post("/swarm", data=form | ({"host": host} if host is not None else {}))
        assert answer.json()["success"], answer.text

    def stop(self) -> dict[str, Any]:
        """Press the stop button, and return the contents of the tables."""
        assert self.client.post("/stop").json()["success"]
        wait_for(lambda: self.stats()["state"] == "stopped", "the test has stopped", self.locust)
        return self.stats()

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/stats/requests").json()
        return answer

    def requests(self, name: str) -> int:
        return sum(entry["num_requests"] for entry in self.stats()["stats"] if entry["name"].startswith(name))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    port = free_port()
    words = ("--class-picker", "--web-host", "127.0.0.1", "--web-port", str(port))
    locust = Locust(tmp_path, *words, files=f"scenarios,{UNCACHED}", web=True)
    try:
        page = Page(locust, port)
        with closing(page.client):
            yield page
        locust.process.terminate()
        assert locust.end().code in (0, 1, 3)
    finally:
        locust.kill()


def test_removed_users_and_a_second_test_cause_no_finding(page: Page) -> None:
    page.start(8, "ChatUser")
    wait_for(lambda: page.requests("chat: time to last") > 10, "some messages reached all", page.locust)
    page.start(3, "ChatUser")
    wait_for(lambda: page.stats()["user_count"] == 3, "five users are gone", page.locust)
    seen = page.requests("chat: time to last")
    wait_for(lambda: page.requests("chat: time to last") > seen + 10, "the rest goes on", page.locust)
    first = page.stop()
    assert first["errors"] == []

    page.start(4, "ChatUser", "EchoUser")
    wait_for(lambda: page.requests("chat: time") and page.requests("echo: time"), "both are heard", page.locust)
    assert page.stop()["errors"] == []


def test_a_wrong_host_typed_into_the_page_is_a_failure_that_says_so(page: Page) -> None:
    page.start(2, "ChatUser", host="no.such.module:app")
    wait_for(lambda: page.stats()["errors"], "a failure", page.locust)
    (error,) = page.stats()["errors"]
    assert error["name"] == "host"
    assert "no.such" in error["error"]
    assert "Traceback" not in page.locust.output()

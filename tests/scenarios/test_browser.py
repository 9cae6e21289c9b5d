"""Tests of `locust -f scenarios` in a browser."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.scenarios.locusts import Locust, wait_for
from tests.target_app.free_port import free_port

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOK_MS = 30_000


@pytest.fixture
def page() -> Iterator[Page]:
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not there: apt-get install chromium"
        if os.environ.get("WSPROOF_REQUIRE_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page()
        page.set_default_timeout(LOOK_MS)
        yield page
        browser.close()


def is_open(port: int) -> bool:
    """Whether the web page can be reached: Locust tells its target before it listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def requests(page: Page, name: str) -> int:
    """Return the number that the table shows in the row of a metric."""
    row = page.get_by_role("row").filter(has_text=name)
    return int(row.get_by_role("cell").nth(2).inner_text()) if row.count() else 0


@pytest.mark.slow
def test_a_run_with_two_classes_picked_is_started_watched_and_stopped_from_the_page(page: Page, tmp_path: Path) -> None:
    port = free_port()
    words = ("--web-host", "127.0.0.1", "--web-port", str(port), "--ws-set", "dashboard.period=0.25")
    locust = Locust(tmp_path, *words, web=True)
    try:
        wait_for(lambda: "the target is at" in locust.output(), "the target is there", locust)
        wait_for(lambda: is_open(port), "the web page", locust)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_role("row").filter(has_text="EchoUser").get_by_role("checkbox").uncheck()
        page.fill("input[name=userCount]", "6")
        page.fill("input[name=spawnRate]", "6")
        page.get_by_role("button", name="Start").click()
        wait_for(lambda: requests(page, "chat: latency from intended time") > 50, "deliveries in the table", locust)
        wait_for(lambda: requests(page, "dashboard: spread of a tick") > 3, "ticks in the table", locust)
        assert requests(page, "echo: latency from intended time") == 0
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("STOPPED").wait_for()
        page.get_by_role("tab", name="Failures").click()
        assert page.get_by_role("table").inner_text().count("Violation") == 0
        locust.process.terminate()
        ended = locust.end()
    finally:
        locust.kill()
    assert ended.code == ended.code_if_valid, ended.output
    assert {name: (room["users"], room["verdict"]) for name, room in ended.rooms.items()} == {
        "chat": (3, "valid"),
        "dashboard": (3, "valid"),
    }

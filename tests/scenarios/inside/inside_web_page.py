"""Tests of the tab and the page in Locust's web UI, without a network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from locust.argument_parser import parse_options
from locust.env import Environment

from wsproof import Finding, Level
from wsproof.locust.session import session_of
from wsproof.locust.web import KEY, NO_RECORD, add_pages
from wsproof.model.finding import Anomaly
from wsproof.model.load_second import LoadSecond, bucket_counts

LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "A member <i>never</i> received it.", occurrences=3)


class Web:
    """Locust's web UI with the pages of wsproof."""

    def __init__(self) -> None:
        self.environment = Environment()
        self.environment.parsed_options = parse_options([])
        self.environment.create_local_runner()
        ui = self.environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
        add_pages(self.environment)
        self.template_args: dict[str, Any] = ui.template_args
        assert ui.app is not None
        self._client = ui.app.test_client()

    def get(self, path: str) -> Any:
        return self._client.get(path)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(sys, "argv", ["locust"])  # Locust's start form parses it
    web = Web()
    seconds = [LoadSecond(100 + number, latency=bucket_counts([2_000_000 - 5_000] * 200)) for number in range(5)]
    session_of(web.environment).live.take("", "chat", seconds, [LOST])
    yield web
    assert web.environment.runner is not None
    web.environment.runner.quit()


def test_locusts_page_has_the_tab_and_the_downloads(web: Web) -> None:
    assert web.template_args["extended_tabs"] == [{"title": "wsproof", "key": "wsproof"}]
    assert [each["href"] for each in web.template_args["extended_csv_files"]] == ["./wsproof/", "./wsproof/record"]
    assert web.get("/").status_code == 200


def test_the_tab_has_its_rows_beside_locusts_own_figures(web: Web) -> None:
    answer = web.get("/stats/requests").json
    assert answer["state"] == "ready"
    ((key, rows),) = [(each["key"], each["data"]) for each in answer["extended_stats"]]
    assert key == KEY
    figures = {row["figure"]: row for row in rows}
    assert (figures["violations"]["sign"], figures["violations"]["whole"]) == ("✗", "3")
    assert figures["latency p50"]["recent"] == "2 ms"


def test_the_page_shows_violations_and_charts(web: Web) -> None:
    page = web.get(f"/{KEY}/")
    assert page.status_code == 200
    assert "A member &lt;i&gt;never&lt;/i&gt; received it." in page.text
    assert "<svg" in page.text
    assert web.get(f"/{KEY}/body").text in page.text


def test_the_record_can_be_downloaded_once_a_test_has_ended(web: Web, tmp_path: Path) -> None:
    missing = web.get(f"/{KEY}/record")
    assert (missing.status_code, missing.text) == (404, NO_RECORD)
    (tmp_path / "run.json").write_text('{"schema": "wsproof.run/2"}')
    session_of(web.environment).record = tmp_path
    record = web.get(f"/{KEY}/record")
    assert (record.status_code, record.json) == (200, {"schema": "wsproof.run/2"})
    assert "attachment" in record.headers["Content-Disposition"]
    assert web.get(f"/{KEY}/record.html").status_code == 404

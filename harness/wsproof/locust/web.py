"""The tab `wsproof` in Locust's web UI, and the page with charts behind it.

Both are made with Locust's extension points: a blueprint of Flask, tabs with a table, and links to downloads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gevent
from flask import Blueprint, Response, request

from wsproof.locust.live_view import view_of
from wsproof.locust.session import session_of
from wsproof.report.charts.live import live_charts
from wsproof.report.formats.live_page import live_body, live_page
from wsproof.report.store.run_dir import PAGE_FILE, RUN_FILE
from wsproof.report.text.live import RECENT, rows_of

KEY = "wsproof"
COLUMNS = {
    "workload": "Workload",
    "figure": "Figure",
    "sign": "",
    "recent": RECENT.capitalize(),
    "whole": "Whole test",
    "remark": "Remark",
}
"""The columns of the tab's table by key."""
NO_RECORD = "No test has ended yet: a record is written when a test stops."
STATS_PATH = "/stats/requests"


def add_pages(environment: Any) -> None:
    """Add the tab and the pages to Locust's web UI, once, before it answers its first request."""
    web = environment.web_ui
    live_page(live_body(view_of(environment), ()))  # compiles the templates now, because it would delay a running load
    web.app.register_blueprint(_blueprint(environment))
    web.app.after_request(lambda response: _with_rows(environment, response))
    web.template_args["extended_tabs"] = [{"title": KEY, "key": KEY}]
    web.template_args["extended_tables"] = [
        {"key": KEY, "structure": [{"key": key, "title": title} for key, title in COLUMNS.items()]}
    ]
    web.template_args["extended_csv_files"] = [
        {"href": f"./{KEY}/", "title": "wsproof: charts, violations and objectives of the test"},
        {"href": f"./{KEY}/record", "title": "wsproof: download the run record (JSON)"},
    ]


def _blueprint(environment: Any) -> Blueprint:
    base = str(getattr(environment.parsed_options, "web_base_path", None) or "").rstrip("/")
    pages = Blueprint(KEY, __name__, url_prefix=f"{base}/{KEY}")
    views: dict[str, Callable[[], str | Response]] = {
        "": lambda: live_page(_body(environment)),
        "body": lambda: _body(environment),
        "record": lambda: _file_of_record(environment, RUN_FILE, "application/json", "wsproof-run.json"),
        "record.html": lambda: _file_of_record(environment, PAGE_FILE, "text/html; charset=utf-8"),
    }
    for path, view in views.items():
        protected = environment.web_ui.auth_required_if_enabled(view)
        pages.add_url_rule(f"/{path}", endpoint=path.replace(".", "-") or "page", view_func=protected)
    return pages


def _body(environment: Any) -> str:
    """The body of the page. Other greenlets run between two charts."""
    view, charts = view_of(environment), []
    for chart in live_charts(view):
        charts.append(chart)
        gevent.sleep(0)
    return live_body(view, charts)


def _file_of_record(environment: Any, name: str, mimetype: str, download_as: str = "") -> Response:
    folder = session_of(environment).record
    if folder is None or not (folder / name).is_file():
        return Response(NO_RECORD, status=404, mimetype="text/plain")
    headers = {"Content-Disposition": f"attachment; filename={download_as}"} if download_as else {}
    return Response((folder / name).read_bytes(), mimetype=mimetype, headers=headers)


def _with_rows(environment: Any, response: Response) -> Response:
    """Add the rows of the tab to Locust's figures, which its page fetches every two seconds."""
    if not request.path.endswith(STATS_PATH) or response.status_code != 200 or not response.is_json:
        return response
    rows = [
        {
            "sign": row.tone.sign if row.tone.label != "none" else "",
            "workload": row.workload,
            "figure": row.figure,
            "recent": row.recent,
            "whole": row.whole,
            "remark": row.remark,
        }
        for row in rows_of(view_of(environment))
    ]
    response.set_data(json.dumps({**response.get_json(), "extended_stats": [{"key": KEY, "data": rows}]}))
    return response

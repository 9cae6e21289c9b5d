"""What a server says about itself at a Prometheus URL."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest

from wsproof.net.exposition import NoFigures, figures_in, scrape
from wsproof.net.usage import Usage


@contextmanager
def answering(body: bytes, code: int = 200) -> Iterator[str]:
    """A page that is always the same."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()


def test_figures_of_all_workers_are_added_up_and_the_rest_is_passed_over() -> None:
    text = """# HELP process_cpu_seconds_total Time.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{pid="1",note="a } b\\"c"} 1.5 1700000000000
process_cpu_seconds_total{pid="2"} 0.25
process_resident_memory_bytes 1.024e+06
process_open_fds NaN
process_cpu_seconds_total_created 17.0
what is this
"""
    assert figures_in(text) == Usage(1_024_000, None, 1_750_000_000)


def test_the_usual_client_library_is_understood() -> None:
    registry = CollectorRegistry()
    ProcessCollector(pid=os.getpid, registry=registry)
    Gauge("other", "Something.", ["label"], registry=registry).labels("x y").set(3)
    with answering(generate_latest(registry)) as url:
        usage = scrape(url, 90.0)
    assert usage.cpu_ns > 0
    assert usage.memory_bytes > 1_000_000
    assert usage.fds


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"process_open_fds 3\n", 200, "no process_cpu_seconds_total and no process_resident_memory_bytes"),
        (b"<html>", 200, "process_cpu_seconds_total"),
        (b"", 403, "Forbidden"),
    ],
)
def test_an_answer_without_figures_is_told(body: bytes, code: int, said: str) -> None:
    with answering(body, code) as url, pytest.raises(NoFigures, match=said):
        scrape(url, 90.0)


def test_nobody_there_is_told() -> None:
    with answering(b"") as url:
        pass
    with pytest.raises(NoFigures, match="refused"):
        scrape(url, 90.0)

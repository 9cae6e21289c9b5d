"""Tests of the resource usage that a server reports at a Prometheus URL."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest

from wsproof.machine.prometheus import NoProcessMetrics, figures_in, scrape
from wsproof.machine.usage import Usage
from wsproof.net.endpoint import Endpoint, parse_url


@contextmanager
def page_server(
    body: bytes, code: int = 200, credentials: list[str | None] | None = None, **headers: str
) -> Iterator[str]:
    """Serve a constant page. `credentials` collects the Authorization header of each request."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if credentials is not None:
                credentials.append(self.headers["Authorization"])
            self.send_response(code)
            for header in headers.items():
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Suppress the log."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()


def source(url: str) -> Endpoint:
    return parse_url(url, schemes=("http",))


def test_figures_of_all_workers_are_added_up_and_other_lines_are_ignored() -> None:
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


def test_the_output_of_the_python_client_library_is_parsed() -> None:
    registry = CollectorRegistry()
    ProcessCollector(pid=os.getpid, registry=registry)
    Gauge("other", "Something.", ["label"], registry=registry).labels("x y").set(3)
    with page_server(generate_latest(registry)) as url:
        usage = scrape(source(url), 90.0)
    assert usage.cpu_ns > 0
    assert usage.memory_bytes > 1_000_000
    assert usage.fds


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"process_open_fds 3\n", 200, "no process_cpu_seconds_total and no process_resident_memory_bytes"),
        (b"<html>", 200, "process_cpu_seconds_total"),
        (b"", 403, "Forbidden"),
    ],
)
def test_a_response_without_metrics_is_reported(body: bytes, code: int, message: str) -> None:
    with page_server(body, code) as url, pytest.raises(NoProcessMetrics, match=message):
        scrape(source(url), 90.0)


def test_a_refused_connection_is_reported() -> None:
    with page_server(b"") as url:
        pass
    with pytest.raises(NoProcessMetrics, match="refused"):
        scrape(source(url), 90.0)


def test_a_redirect_is_reported_and_not_followed() -> None:
    credentials: list[str | None] = []
    with (
        page_server(b"", credentials=credentials) as elsewhere,
        page_server(b"", 302, Location=elsewhere) as url,
        pytest.raises(NoProcessMetrics, match="302, a redirect"),
    ):
        scrape(source(url), 90.0)
    assert credentials == []


def test_an_endless_response_ends_at_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        test_ended = threading.Event()

        def drip() -> None:
            peer, _ = listener.accept()
            with peer, suppress(OSError):
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while not test_ended.wait(0.01):
                    peer.sendall(b"#")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(NoProcessMetrics, match="time"):
                scrape(source(f"http://127.0.0.1:{listener.getsockname()[1]}/"), 0.2)
        finally:
            test_ended.set()
            thread.join()

"""Scraper for a server's standard `process_*` metrics at a Prometheus URL.

The text format (prometheus.io, *Exposition formats*) has one sample per line, `name{labels} value [timestamp]`; `#`
starts a comment. Samples of one name with different labels (for example one per worker) are added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from wsproof.machine.usage import Usage
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint

CPU, MEMORY, FDS = "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*")
LONGEST_BYTES = 8 * 1024 * 1024
READ_BYTES = 65_536
OK = 200


class NoProcessMetrics(Exception):
    """The URL did not response as expected. The message says what it answered."""


def scrape(source: Endpoint, timeout_s: float) -> Usage:
    """Scrape the metrics once.

    Redirects are not followed: the user allowed requests and credentials for this address only.

    Raises:
        NoProcessMetrics: no response in time, or `process_cpu_seconds_total` or `process_resident_memory_bytes` is
            missing.
        UsageError: the file of trusted certificates cannot be read.
    """
    deadline = Deadline.after(timeout_s)
    connection = _connection(source, timeout_s)
    try:
        connection.request("GET", source.path, headers=dict(source.headers))
        text = _body(connection.getresponse(), deadline).decode(errors="replace")
    except (HTTPException, OSError, ValueError) as error:
        raise NoProcessMetrics(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    return figures_in(text)


def _connection(source: Endpoint, timeout_s: float) -> HTTPConnection:
    if source.tls:
        return HTTPSConnection(source.host, source.port, timeout=timeout_s, context=source.ssl_context())
    return HTTPConnection(source.host, source.port, timeout=timeout_s)


def _body(response: HTTPResponse, deadline: Deadline) -> bytes:
    if 300 <= response.status < 400:
        raise NoProcessMetrics(
            f"it answered {response.status}, a redirect, which is not followed; use the address that it redirects to"
        )
    if response.status != OK:
        raise NoProcessMetrics(f"it answered {response.status} {response.reason}")
    body = bytearray()
    while len(body) < LONGEST_BYTES and (some := response.read1(READ_BYTES)):
        body += some
        if deadline.passed:
            raise NoProcessMetrics("its response did not end in time")
    return bytes(body[:LONGEST_BYTES])


def figures_in(text: str) -> Usage:
    """Parse the metrics in a response body.

    Raises:
        NoProcessMetrics: CPU time or memory is missing.
    """
    sums: dict[str, float] = {}
    for name, value in samples_in(text):
        sums[name] = sums.get(name, 0.0) + value
    missing = [name for name in (CPU, MEMORY) if name not in sums]
    if missing:
        raise NoProcessMetrics(f"its response has no {' and no '.join(missing)}")
    fds = sums.get(FDS)
    return Usage(int(sums[MEMORY]), None if fds is None else int(fds), int(sums[CPU] * NS))


def samples_in(text: str) -> Iterator[tuple[str, float]]:
    """Yield name and value of each finite sample of the three metrics. Other lines are ignored."""
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line)
        if match is not None and match[1] in (CPU, MEMORY, FDS):
            try:
                value = float(match[2])
            except ValueError:
                continue
            if 0 <= value < float("inf"):
                yield match[1], value

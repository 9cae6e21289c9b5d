from __future__ import annotations

import json
import logging
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from target_app.logs import formatter
from target_app.redaction import RedactTokens
from target_app.traffic import LAG_BOUNDS, MEASURED_ONE_IN
from tests.target_app.conftest import EnterRaw, StartServer
from tests.target_app.people import SECRET, make_token, users_with
from tests.target_app.server import DEADLINE, LOCALLY, Server, wait_until

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"


def scraped(server: Server, name: str, **labels: str) -> float:
    """Return the sum of all samples with this name and these labels."""
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    values = [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    return sum(values)


def test_connections_deliveries_and_closes_are_counted_by_channel(start_server: StartServer) -> None:
    server = start_server()
    with server.connect("/ws/1") as one, server.connect("/ws/2") as two:
        for _ in range(2 * MEASURED_ONE_IN):
            one.send("hello")
            assert two.recv(DEADLINE) == "Client #1 says: hello"
        assert scraped(server, "target_app_connections", channel="chat") == 2
        assert scraped(server, "target_app_received_total", channel="chat") == 2 * MEASURED_ONE_IN
        wait_until(
            lambda: scraped(server, "target_app_deliveries_total", channel="chat") == 6 * MEASURED_ONE_IN, "deliveries"
        )
        assert scraped(server, "target_app_send_lag_seconds_count", channel="chat") == 6
        assert scraped(server, "target_app_send_lag_seconds_bucket", channel="chat", le=str(LAG_BOUNDS[-1])) == 6
    with server.connect("/ws/1") as refused:
        refused.send(b"\x00")
        with pytest.raises(ConnectionClosed, match="1003"):
            refused.recv(DEADLINE)
    wait_until(lambda: scraped(server, "target_app_connections", channel="chat") == 0, "all have gone")
    wait_until(lambda: scraped(server, "target_app_closes_total", channel="chat") == 3, "all endings are counted")
    assert scraped(server, "target_app_closes_total", code="1003", why="refused") == 1
    assert scraped(server, "target_app_closes_total", code="1000", why="disconnected") == 2
    assert scraped(server, "target_app_received_total", channel="chat") == 2 * MEASURED_ONE_IN + 1


def test_the_process_reports_its_resource_usage_under_the_standard_names(start_server: StartServer) -> None:
    server = start_server()
    fds = scraped(server, "process_open_fds")
    with ExitStack() as stack:
        for number in range(20):
            stack.enter_context(server.connect(f"/ws/{number}"))
        assert scraped(server, "process_open_fds") > fds + 10
    before = scraped(server, "process_cpu_seconds_total")
    assert scraped(server, "process_cpu_seconds_total") > before > 0
    assert 10_000_000 < scraped(server, "process_resident_memory_bytes") < 10_000_000_000
    assert scraped(server, "process_max_fds") > fds
    assert -5 < time.time() - scraped(server, "process_start_time_seconds") < 3600


def test_the_queue_of_a_peer_that_does_not_read_is_reported(start_server: StartServer, stalled: EnterRaw) -> None:
    server = start_server(outbox_bytes=64_000_000, write_timeout=3600)
    stalled(server, "/ws/sleeper")
    with server.connect("/ws/speaker") as speaker:
        for _ in range(80):
            speaker.send("x" * 60_000)
            speaker.recv(DEADLINE)
            speaker.recv(DEADLINE)
        wait_until(lambda: scraped(server, "target_app_queue_bytes", channel="chat") > 60_000, "a queue")
        assert scraped(server, "target_app_stuck_seconds", channel="chat") > 0


def test_metrics_need_this_host_an_administrator_or_the_token(start_server: StartServer) -> None:
    key = "a key for the scraper"
    server = start_server(secret=SECRET, metrics_token=key, users=users_with(admins=("root",)))

    def status(path: str, bearer: str | None = None, **headers: str) -> int:
        headers |= {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        return httpx.get(server.url(path, "http"), headers=headers, **LOCALLY).status_code

    for path in ("/metrics", "/stats"):
        assert status(path) == 200
        for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip"):  # from a proxy on this host
            assert status(path, **{header: "192.0.2.1"}) == 401
        proxied = {"x-forwarded-for": "192.0.2.1"}
        assert status(path, make_token("ada"), **proxied) == 403
        assert status(path, make_token("root", roles=("admin",)), **proxied) == 200
        assert status(path, key, **proxied) == 200
        assert status(path, key + "x", **proxied) == status(path, "x", **proxied) == 401


@contextmanager
def logged(form: str) -> Iterator[list[str]]:
    """Yield a list of the lines that are logged during the block."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, logger = Keep(), logging.getLogger("tests.logs")
    handler.setFormatter(formatter(form))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def test_a_json_line_has_fields_that_keep_their_type() -> None:
    with logged("json") as lines:
        logging.getLogger("tests.logs").info("ended channel=%s code=%d seconds=%.1f", "chat room", 1000, 0.123456789)
        logging.getLogger("tests.logs").info("worker %s is silent", "ab")
    ended, silent = map(json.loads, lines)
    expected = {"event": "ended", "channel": "chat room", "code": 1000, "seconds": 0.123457, "level": "info"}
    assert {name: ended[name] for name in expected} == expected
    assert silent["event"] == "worker ab is silent"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_token_gets_into_a_line_nor_into_a_traceback(form: str) -> None:
    with logged(form) as lines:
        logger = logging.getLogger("tests.logs")
        logger.info('"WebSocket %s" [accepted]', f"/rooms/lobby?token={JWT}&x=1")
        logger.info("ended path=%s", f"/ws?token={JWT}")
        try:
            raise ValueError(f"not this one: {JWT}")
        except ValueError:
            logger.exception("fault channel=%s", "chat")
    written = "\n".join(lines)
    assert JWT not in written
    assert JWT.split(".")[1] not in written
    assert "ValueError: not this one: [redacted]" in written
    assert "&x=1" in written


def test_a_client_cannot_forge_a_line_of_the_log() -> None:
    """In an address, `%0a` is a line break, and `%1b` begins a command to the terminal."""
    values = {"msg": '"WebSocket %s" seconds=%d', "args": ("/rooms/x\nERROR forged\x1b[2J", 1)}
    record = logging.makeLogRecord(values)
    assert RedactTokens().filter(record)
    assert record.getMessage() == '"WebSocket /rooms/x\\nERROR forged\\x1b[2J" seconds=1'


def test_the_command_writes_a_json_log_on_request(start_server: StartServer) -> None:
    server = start_server(log_format="json")
    with server.connect("/ws"):
        pass
    wait_until(lambda: '"event": "ended"' in server.log(), "an ending")
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert [line["code"] for line in lines if line["event"] == "ended"] == [1000]


def test_a_server_that_cannot_write_its_history_is_not_ready(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(history_path=tmp_path / "history.db")
    assert server.get("/readyz").json() == {"status": "ready"}
    database = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    database.execute("CREATE TRIGGER full BEFORE UPDATE ON space BEGIN SELECT raise(ABORT, 'no room'); END")
    wait_until(lambda: server.get("/readyz").status_code == 503, "it says so")
    answer = server.get("/readyz").json()
    assert (answer["status"], "no room" in answer["cause"]) == ("history_unavailable", True)
    assert "the history cannot be read or written" in server.log()
    failures = re.search(
        r'target_app_events_total{name="history.failures",worker="\w+"} (\S+)', server.get("/metrics").text
    )
    assert failures is not None
    assert float(failures[1]) >= 1
    database.execute("DROP TRIGGER full")
    wait_until(lambda: server.get("/readyz").status_code == 200, "and it is ready again")

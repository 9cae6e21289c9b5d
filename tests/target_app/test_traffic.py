"""Tests of the counts of connections."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

from target_app.close_reasons import CloseCause, ConnectionEnd, end_of_disconnect
from target_app.traffic import Traffic


def test_close_codes_that_clients_choose_are_counted_under_one_label() -> None:
    """Otherwise clients could create thousands of time series in `/metrics`."""
    traffic = Traffic("worker")
    endings = [end_of_disconnect(code) for code in (1000, 1005, *range(3_000, 5_000))]
    for ending in (*endings, ConnectionEnd(CloseCause.REFUSED, 4002, "no_token_in_time")):
        connection: Any = Mock(channel="echo", received=0, sent=0, skipped=0, began=0.0)
        traffic.enter(connection)
        traffic.leave(connection, ending)
    assert traffic.channels["echo"].endings == {
        ("1000", "disconnected"): 1,
        ("1005", "disconnected"): 1,
        ("3000-4999", "disconnected"): 2_000,
        ("4002", "refused"): 1,
    }

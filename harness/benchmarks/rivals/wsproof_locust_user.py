"""wsproof's own users in Locust, for `benchmarks.truth`. With WSPROOF_BLOCKED, the hub is blocked half of the time.

`WSPROOF_RIVAL` is as in `locust_user.py`: `echo:10:rows.npz`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
from gevent.monkey import get_original
from locust import events

from benchmarks.truth.clients import report_of_engine
from benchmarks.truth.load_shapes import plan_of
from wsproof.locust import ChannelUser
from wsproof.locust.workload_run import WorkloadRun

SHAPE, _, FILE = os.environ["WSPROOF_RIVAL"].split(":", 2)
BLOCKED_S = 0.005
"""The hub is blocked for this long, in seconds, and then free for as long."""
PLAN = plan_of(SHAPE, 1.0)
runs: list[WorkloadRun] = []
block: Any = get_original("time", "sleep")
init: Any = events.init
quitting: Any = events.quitting


class Member(ChannelUser):
    workload_name = PLAN.workload
    room_rate_hz = PLAN.rate_hz
    fixed_count = PLAN.subscribers

    def on_start(self) -> None:
        super().on_start()
        runs.append(self.room)


def hold_up(**_: Any) -> None:
    def now_and_then() -> None:
        while True:
            block(BLOCKED_S)
            gevent.sleep(BLOCKED_S)

    if os.environ.get("WSPROOF_BLOCKED"):
        gevent.spawn(now_and_then)


def write_down(**_: Any) -> None:
    run, report = runs[0], report_of_engine(runs[0].measurement())
    # Several Locust tests may share a server, so their members have numbers of their own.
    first = run.first_publisher
    replace(report, subscriber=report.subscriber + first, publisher=report.publisher + first).save(Path(FILE))


init.add_listener(hold_up)
quitting.add_listener(write_down)

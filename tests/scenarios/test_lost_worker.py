"""Test of a master with two workers, one of which is killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.scenarios.locusts import FORK_SERVER, Locust, wait_for
from tests.target_app.free_port import free_port
from wsproof.target.server import serve
from wsproof.target.target import parse_target


@pytest.mark.slow
def test_the_messages_of_a_killed_worker_are_unknown_and_not_lost(tmp_path: Path) -> None:
    port = free_port()
    workers = []
    with serve(parse_target("tests.scenarios.planted:correct")) as server:
        host = server.endpoint.at("/").url.rstrip("/")
        words = ("ChatUser", "--master", "--master-bind-port", str(port), "--expect-workers", "2")
        master = Locust(tmp_path, *words, host=host, users=6, seconds=120)
        try:
            for number in range(2):
                with (tmp_path / f"worker-{number}.log").open("wb") as output:
                    options = ("-f", "scenarios", "--worker", "--master-port", str(port))
                    workers.append(FORK_SERVER.fork(["locust", *options], os.environ, output, output))
            begun = ("All users spawned", "Spawning is complete")  # the second if a busy machine spawns late
            wait_for(lambda: any(each in master.output() for each in begun), "the test has begun", master)
            workers[0].kill()
            wait_for(lambda: "a Locust worker has ended" in master.output(), "the master says so", master)
            master.process.terminate()
            ended = master.end()
        finally:
            for each in (master.process, *workers):
                each.kill()
                each.wait()
    assert ended.code == 1, ended.output
    assert ended.summary is not None
    assert "worker" in {room["workload"] for room in ended.summary["rooms"]}
    assert "lost" not in {finding["check"] for finding in ended.summary["findings"]}
    assert "WorkerLost" in json.dumps(ended.summary["failed"])

"""Tests of the server's resource usage, from its processes or from its own report."""

from __future__ import annotations

import numpy as np
import pytest

from tests.load.conftest import serving, small_plan
from tests.machine.test_prometheus import page_server, source
from wsproof import Measurement
from wsproof.load import meter as metering
from wsproof.load import run_plan
from wsproof.load.meter import CostLimiter, ServerMeter, UrlMeter, late_wakes, meter_of
from wsproof.machine.prometheus import NoProcessMetrics
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.stats.trust import judge_trust
from wsproof.target.server import serve
from wsproof.target.target import parse_target

FIGURES = b"process_cpu_seconds_total 2.5\nprocess_resident_memory_bytes 4096\nprocess_open_fds 7\n"


def measured(metrics_url: str) -> Measurement:
    with (
        serving("fair") as endpoint,
        serve(parse_target(endpoint.url, metrics_url=metrics_url)) as server,
    ):
        assert isinstance(meter_of(server), UrlMeter)
        plan = small_plan("echo", 2)
        return run_plan(plan, channels="tutorial", settings={}, endpoint=server.endpoint, server=server)


def test_a_remote_server_may_report_its_usage_by_url() -> None:
    with page_server(FIGURES) as url:
        usage = measured(url).server
    assert usage is not None
    assert len(usage.at_ns) >= 1
    assert set(usage.cpu_ns.tolist()) == {2_500_000_000}
    assert set(usage.memory_bytes.tolist()) == {4096}
    assert set(usage.fds.tolist()) == {7}
    assert not usage.trouble


def test_a_run_with_an_unreachable_metrics_url_has_no_server_figures() -> None:
    with page_server(FIGURES, code=500) as url:
        measurement = measured(url)
    assert measurement.server is not None
    assert not len(measurement.server.at_ns)
    assert "metrics-url" in [caution.code for caution in judge_trust(measurement)]
    assert len(measurement.history.receipts.subscriber)


def test_an_error_of_the_metrics_url_is_reported_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Endpoint, timeout_s: float) -> None:
        raise NoProcessMetrics(f"no, {dict(source.headers)['Authorization']}")

    monkeypatch.setattr(metering, "scrape", refuse)
    target = parse_target("shop:app", metrics_url="http://localhost:9/m", metrics_token="sesame")
    assert target.metrics is not None
    meter = UrlMeter(target.metrics, target.secrets)
    meter.sample(0)
    assert meter.usage().trouble
    assert "sesame" not in meter.usage().trouble


def test_a_local_server_process_is_measured() -> None:
    with serve(parse_target("tests.workloads.apps.pubsub:app", path="/pubsub")) as server:
        meter = meter_of(server)
        assert isinstance(meter, ServerMeter)
        meter.sample(0)
    (fds,), (switches,), (cpu_ns,) = (getattr(meter.usage(), name) for name in ("fds", "switches", "cpu_ns"))
    assert fds > 3
    assert switches > 0
    assert cpu_ns > 0
    assert meter_of(None) is None


class Clock:
    """A clock that the test moves. It also replaces the CPU time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns, self.spent_ns = 10**15, 0
        monkeypatch.setattr(metering, "now_ns", lambda: self.now_ns)
        monkeypatch.setattr(metering, "thread_time_ns", lambda: self.spent_ns)


def test_an_expensive_sample_is_followed_by_a_pause_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    paced = CostLimiter(every_ns=1000)

    due: list[bool] = []
    for cost_ns, rest_ns in ((1, 1000), (50, 50 * metering.COST_FACTOR)):
        due.append(paced.due)
        paced.measure(lambda cost_ns=cost_ns: setattr(clock, "spent_ns", clock.spent_ns + cost_ns))  # type: ignore[misc]
        clock.now_ns += rest_ns - 1
        due.append(paced.due)
        clock.now_ns += 1
    assert due == [True, False, True, False]


class Tree:
    """Two workers that share 300 bytes. Reading their shared memory costs a second."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.resident, self.asked = 1000, 0

    def resident_bytes(self) -> int:
        return self.resident

    def memory_bytes(self) -> int:
        self.asked += 1
        self.clock.spent_ns += 10**9
        return self.resident - 300

    def cpu_ns(self) -> int:
        return 0

    def switches(self) -> int:
        return 0

    def fds(self) -> int:
        return 3


def test_shared_memory_is_sampled_rarely_and_growth_is_still_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    tree = Tree(clock)
    monkeypatch.setattr(metering, "TreeMeter", lambda *_, **__: tree)
    meter = ServerMeter(1)
    for resident in (1000, 1200, 1500):
        clock.now_ns += 10**9
        tree.resident = resident
        meter.sample(0, sparing=True)
    assert tree.asked == 1
    meter.sample(0)
    assert tree.asked == 2
    assert meter.usage().memory_bytes.tolist() == [700, 900, 1200, 1200]


def test_the_lag_of_an_event_loop_begins_when_its_timer_was_due() -> None:
    fired_ns = np.array([10, 20, 30], np.int64) * 1_000_000
    lag_ns = np.array([50_000, 4_000_000, 0], np.int64)
    assert late_wakes(fired_ns, lag_ns).tolist() == [[16_000_000, 20_000_000]]


def test_a_metrics_url_is_read_once_a_second_and_at_each_required_sample() -> None:
    with page_server(FIGURES) as url:
        meter = UrlMeter(source(url))
        meter.sample(0, sparing=True)
        meter.sample(0)
        assert len(meter.usage().at_ns) == 2
        meter._requested_ns = now_ns() + 10**12  # as if the last reading was just now, even on a slow machine
        meter.sample(0, sparing=True)
    assert len(meter.usage().at_ns) == 2

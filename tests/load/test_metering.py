"""What a server uses, by its processes or by its own word."""

from __future__ import annotations

import pytest

from tests.load.conftest import serving, small_plan
from tests.net.test_exposition import answering
from wsproof.load import meter as metering
from wsproof.load import run_plan
from wsproof.load.meter import ServerMeter, UrlMeter, meter_of
from wsproof.model.measurement import Measurement
from wsproof.net.endpoint import Endpoint
from wsproof.net.exposition import NoFigures
from wsproof.net.running import serve
from wsproof.net.target import parse_target
from wsproof.stats.stability import judge_trust

FIGURES = b"process_cpu_seconds_total 2.5\nprocess_resident_memory_bytes 4096\nprocess_open_fds 7\n"


def measured(metrics_url: str) -> Measurement:
    with (
        serving("fair") as endpoint,
        serve(parse_target(endpoint.url, metrics_url=metrics_url)) as server,
    ):
        assert isinstance(meter_of(server), UrlMeter)
        plan = small_plan("echo", 2)
        return run_plan(plan, channels="tutorial", settings={}, endpoint=server.endpoint, server=server)


def test_a_server_that_runs_elsewhere_may_say_what_it_uses() -> None:
    with answering(FIGURES) as url:
        usage = measured(url).server
    assert usage is not None
    assert len(usage.at_ns) >= 1
    assert set(usage.cpu_ns.tolist()) == {2_500_000_000}
    assert set(usage.memory_bytes.tolist()) == {4096}
    assert set(usage.fds.tolist()) == {7}
    assert not usage.trouble


def test_a_url_that_does_not_answer_costs_the_figures_and_not_the_run() -> None:
    with answering(FIGURES, code=500) as url:
        measurement = measured(url)
    assert measurement.server is not None
    assert not len(measurement.server.at_ns)
    assert "metrics-url" in [caution.code for caution in judge_trust(measurement)]
    assert len(measurement.history.receipts.subscriber)


def test_what_the_url_answers_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Endpoint, timeout_s: float) -> None:
        raise NoFigures(f"no, {dict(source.headers)['Authorization']}")

    monkeypatch.setattr(metering, "scrape", refuse)
    target = parse_target("shop:app", metrics_url="http://localhost:9/m", metrics_token="sesame")
    assert target.metrics is not None
    meter = UrlMeter(target.metrics, target.secrets)
    meter.sample(0)
    assert meter.usage().trouble
    assert "sesame" not in meter.usage().trouble


def test_a_server_that_was_started_here_is_looked_at() -> None:
    with serve(parse_target("tests.workloads.apps.pubsub:app", path="/pubsub")) as server:
        meter = meter_of(server)
        assert isinstance(meter, ServerMeter)
        meter.sample(0)
    (fds,), (switches,), (cpu_ns,) = (getattr(meter.usage(), name) for name in ("fds", "switches", "cpu_ns"))
    assert fds > 3
    assert switches > 0
    assert cpu_ns > 0
    assert meter_of(None) is None

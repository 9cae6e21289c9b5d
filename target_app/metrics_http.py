"""`/metrics` for Prometheus. Every worker answers for all workers, which a label distinguishes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from target_app.auth import WATCHERS
from target_app.metrics import process_figures
from target_app.services import Services
from target_app.traffic import LAG_BOUNDS, MEASURED_ONE_IN

QUESTION = "metrics"
BUCKETS = [*(str(bound) for bound in LAG_BOUNDS), "+Inf"]

router = APIRouter()


def reading(services: Services) -> str:
    """Return the counters of this worker as JSON."""
    traffic, now = services.traffic, asyncio.get_running_loop().time()
    figures = {
        name: {"connections": 0, "queue_bytes": 0, "stuck_seconds": 0.0}
        | {"received": past.received, "sent": past.sent, "skipped": past.skipped}
        | {"endings": [[code, why, count] for (code, why), count in past.endings.items()]}
        | {"lag_counts": past.lag.counts, "lag_total": past.lag.total}
        for name, past in traffic.channels.items()
    }
    for _, connection in traffic.open():
        channel: dict[str, Any] = figures[connection.channel]
        since = connection.stuck_since()
        channel["connections"] += 1
        channel["queue_bytes"] += connection.queued_bytes
        channel["stuck_seconds"] = max(channel["stuck_seconds"], 0.0 if since is None else now - since)
        for name in ("received", "sent", "skipped"):
            channel[name] += getattr(connection, name)
    events = Counter(services.counts) | {"backplane.faults": services.backplane.faults}
    events |= {"history.failures": services.history.failures}
    connected, process = services.backplane.connected, process_figures()
    return json.dumps({"channels": figures, "events": events, "connected": connected, "process": process})


GAUGES = {
    "connections": ("target_app_connections", "Open WebSockets."),
    "queue_bytes": ("target_app_queue_bytes", "Bytes that wait in the outboxes."),
    "stuck_seconds": ("target_app_stuck_seconds", "Seconds for which data has waited for the slowest peer."),
}
COUNTERS = {
    "received": ("target_app_received", "Messages received from clients."),
    "sent": ("target_app_deliveries", "Messages handed to the transport, each recipient counted."),
    "skipped": ("target_app_skipped", "Messages that newer ones replaced before they were sent."),
}
PROCESS = {
    "process_resident_memory_bytes": "Resident memory.",
    "process_open_fds": "Open file descriptors.",
    "process_max_fds": "Maximum number of open file descriptors.",
    "process_start_time_seconds": "Start time, Unix time in seconds.",
}


class _Readings(Collector):
    def __init__(self, readings: dict[str, Any]) -> None:
        self._readings = readings

    def _channels(self) -> Iterable[tuple[list[str], dict[str, Any]]]:
        for worker, answer in self._readings.items():
            for channel, figures in answer["channels"].items():
                yield [channel, worker], figures

    def collect(self) -> Iterable[Metric]:
        labels = ["channel", "worker"]
        for key, (name, meaning) in GAUGES.items():
            gauge = GaugeMetricFamily(name, meaning, labels=labels)
            for values, figures in self._channels():
                gauge.add_metric(values, figures[key])
            yield gauge
        for key, (name, meaning) in COUNTERS.items():
            counter = CounterMetricFamily(name, meaning, labels=labels)
            for values, figures in self._channels():
                counter.add_metric(values, figures[key])
            yield counter
        closes = CounterMetricFamily("target_app_closes", "Ended connections.", labels=[*labels, "code", "why"])
        meaning = f"Seconds from a message being made to its write, of one write in {MEASURED_ONE_IN}."
        lag = HistogramMetricFamily("target_app_send_lag_seconds", meaning, labels=labels)
        for values, figures in self._channels():
            for code, why, count in figures["endings"]:
                closes.add_metric([*values, str(code), why], count)
            sums = accumulate(figures["lag_counts"])
            lag.add_metric(values, list(zip(BUCKETS, sums, strict=True)), figures["lag_total"])
        yield closes
        yield lag
        events = CounterMetricFamily("target_app_events", "Events by name.", labels=["name", "worker"])
        connected = GaugeMetricFamily(
            "target_app_backplane_connected", "1: this worker is connected to the others.", labels=["worker"]
        )
        for worker, answer in self._readings.items():
            connected.add_metric([worker], answer["connected"])
            for name, count in answer["events"].items():
                events.add_metric([name, worker], count)
        yield events
        yield connected
        yield from self._processes()

    def _processes(self) -> Iterable[Metric]:
        cpu = CounterMetricFamily("process_cpu_seconds", "CPU time.", labels=["worker"])
        for worker, answer in self._readings.items():
            cpu.add_metric([worker], answer["process"]["process_cpu_seconds"])
        yield cpu
        for name, meaning in PROCESS.items():
            gauge = GaugeMetricFamily(name, meaning, labels=["worker"])
            for worker, answer in self._readings.items():
                gauge.add_metric([worker], answer["process"][name])
            yield gauge


@router.get("/metrics", dependencies=WATCHERS)
async def metrics(request: Request) -> Response:
    """Return numbers, never names. Open to this host, administrators and holders of the token, like `/stats`."""
    answers = await Services.of(request).worker_query.ask(QUESTION)
    registry = CollectorRegistry()
    registry.register(_Readings({worker: json.loads(answer) for worker, answer in answers.items()}))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

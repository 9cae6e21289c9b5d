from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.target_app.server import DEADLINE

TRACE = """
import json
from collections.abc import Iterator
from contextlib import contextmanager
from opentelemetry import trace
from starlette.testclient import TestClient

class Tracer(trace.NoOpTracer):
    begun = []

    def start_span(self, name, context=None, kind=None, attributes=None, *arguments, **options):
        self.begun.append([name, {key: str(value) for key, value in (attributes or {}).items()}])
        return super().start_span(name, context)

    @contextmanager
    def start_as_current_span(self, name, *arguments, **options):
        with super().start_as_current_span(name) as span:
            self.begun.append([name, {key: str(value) for key, value in (options.get("attributes") or {}).items()}])
            yield span

class Provider(trace.TracerProvider):
    def get_tracer(self, *arguments, **options):
        return Tracer()

trace.set_tracer_provider(Provider())
from target_app.main import app
with TestClient(app) as client, client.websocket_connect("ws://localhost/ws/7?token=SECRET") as chat:
    chat.send_text("hello")
    chat.receive_text()
print(json.dumps(Tracer.begun))
"""


def test_a_websocket_is_one_span_by_fastapis_own_hooks_and_no_token_is_in_it() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", TRACE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    spans = json.loads(finished.stdout)
    sockets = [attributes for name, attributes in spans if attributes.get("network.protocol.name") == "websocket"]
    assert len(sockets) == 1, spans
    assert "SECRET" not in finished.stdout

"""The quick server as a child process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.pinned import put_on_core


@contextmanager
def quick_server(speech: str, connections: int) -> Iterator[int]:
    """Start a fresh server for this many connections on the first core. Yields its port."""
    command = [sys.executable, "-m", "benchmarks.quick_server", speech, str(connections)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    put_on_core(server.pid, 0)
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline())
        server.wait(30)
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()

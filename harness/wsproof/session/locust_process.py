"""The Locust process that `wsproof load` starts: its command line, what it is told, and the pipe for its secrets."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.secrecy import learn

VARIABLE = "WSPROOF_LOAD"
"""The environment variable that holds a `Handover` as JSON. In arguments, `ps` would show the secrets."""
WEB_PORT = 8089
"""Locust's default for `--web-port`."""


@dataclass(frozen=True)
class Handover:
    """What `wsproof load` tells the Locust process: the target that it started or reached, and where to write.

    `endpoint` and `known_deviations` are JSON documents. `owned`: wsproof started the server, so no other run uses it.
    `summary` is the path of the summary to write, `columns` the directory for the raw samples. `secrets_to` is the file
    descriptor to which the Locust process writes the secrets of its workloads. `pid` is that of the server's process.
    """

    channels: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    endpoint: Mapping[str, Any] | None = field(default=None, repr=False)
    known_deviations: Mapping[str, Any] | None = None
    owned: bool = False
    summary: str | None = None
    secrets_to: int | None = None
    columns: str | None = None
    pid: int | None = None

    def to_environment(self) -> dict[str, str]:
        """The environment variable for the Locust process."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Handover:
        """The inverse of `to_environment`. If the user started Locust, all fields have their defaults."""
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))


def require_locust() -> None:
    """Check that Locust is installed.

    Raises:
        UsageError: Locust is not installed.
    """
    if find_spec("locust") is None:
        raise UsageError("this needs Locust, which is not installed: pip install 'wsproof[locust]'")


def locust_command(host: str, users: int, scenarios: Sequence[str]) -> list[str]:
    """The Locust command line for a host and these scenarios."""
    return [
        *(sys.executable, "-m", "locust", "-f", str(locustfile())),
        *("--host", host.rstrip("/")),
        *("--users", str(users), "--spawn-rate", f"{spawn_rate_hz(users):g}"),
        *scenarios,
    ]


def spawn_rate_hz(users: int) -> float:
    """New users per second: all of them within two seconds, but at least ten per second."""
    return max(users / 2, 10.0)


def ramp_seconds(users: int) -> int:
    """Seconds until all users have started. Locust spawns users once per second."""
    return ceil(users / spawn_rate_hz(users))


def locustfile() -> Path:
    """The locustfile of wsproof, which has a user class for each workload of the channels."""
    spec = find_spec("wsproof")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "locust" / "locustfile.py"


def web_page(arguments: Sequence[str]) -> str | None:
    """The address of Locust's web page with these arguments of its command line; None if the load starts without it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--web-host", default=os.environ.get("LOCUST_WEB_HOST", ""))
    parser.add_argument("--web-port", "-P", default=os.environ.get("LOCUST_WEB_PORT", str(WEB_PORT)))
    parser.add_argument("--tls-cert", default=os.environ.get("LOCUST_TLS_CERT"))
    for flag in ("--headless", "--autostart", "--worker"):
        parser.add_argument(flag, action="store_true")
    parsed, _ = parser.parse_known_args(arguments)
    if parsed.headless or parsed.autostart or parsed.worker:
        return None
    host = "localhost" if parsed.web_host in ("", "*", "0.0.0.0") else parsed.web_host
    return f"{'https' if parsed.tls_cert else 'http'}://{host}:{parsed.web_port}"


@contextmanager
def running_locust(command: Sequence[str], handover: Handover, output: Any = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run Locust in this block. On exit it gets SIGTERM, and SIGKILL after 10 s."""
    child = subprocess.Popen(
        command,
        env={**os.environ, **handover.to_environment()},
        stdout=output,
        stderr=output,
        stdin=subprocess.DEVNULL,
        pass_fds=() if handover.secrets_to is None else (handover.secrets_to,),
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def secret_pipe() -> Iterator[int]:
    """Yield a file descriptor to which the Locust process writes JSON lists of secrets, one per line.

    A thread reads them, so that this process hides these secrets too. The exit waits at most 1 s for its end.
    """
    reading, writing = os.pipe()
    thread = threading.Thread(target=_learn_from, args=(reading,), name="wsproof-secrets", daemon=True)
    thread.start()
    try:
        yield writing
    finally:
        os.close(writing)
        thread.join(timeout=1.0)


def _learn_from(descriptor: int) -> None:
    with os.fdopen(descriptor) as lines:
        for line in lines:
            learn(json.loads(line))

"""A second process of the target's server library, with an app that answers with the headers it received."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from wsproof.net.endpoint import Endpoint
from wsproof.target.launch import Launch, start

__all__ = ["serve_header_echo"]

_MODULE = "wsproof_header_echo"


@contextmanager
def serve_header_echo(launch: Launch, env: Mapping[str, str], timeout_s: float) -> Iterator[Endpoint]:
    """Context manager that starts the server library of `launch` with an app of ours.

    Raises:
        TargetError: it did not start within `timeout_s`.
    """
    with TemporaryDirectory(prefix="wsproof-") as folder:
        source = files("wsproof.target").joinpath("_header_echo.py").read_text()
        Path(folder, f"{_MODULE}.py").write_text(source)
        target = launch.target
        search = env.get("PYTHONPATH") or dict(target.env).get("PYTHONPATH") or os.environ.get("PYTHONPATH", "")
        env = {**env, "PYTHONPATH": os.pathsep.join(part for part in (folder, search) if part)}
        process, endpoint = start(
            replace(launch, target=target.but(app=f"{_MODULE}:app")), port=None, env=env, timeout_s=timeout_s
        )
        try:
            # The user's headers and subprotocols belong to the user's own app.
            yield Endpoint(endpoint.host, endpoint.port)
        finally:
            process.stop()

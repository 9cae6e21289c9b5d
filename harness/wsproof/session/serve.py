"""A target that is started and left running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.errors import UsageError
from wsproof.session.context import CommandContext
from wsproof.session.options import ServeOptions
from wsproof.target.server import RunningServer


@contextmanager
def serve(options: ServeOptions) -> Iterator[RunningServer]:
    """Context manager that starts the target on a loopback port, and stops it on exit.

    The server's `endpoint` says where it listens.

    Raises:
        UsageError: the target is a URL, whose server is already running.
        TargetError: the target could not be started.
    """
    context = CommandContext(options)
    if not context.target.is_ours:
        raise UsageError(
            f"{context.target.spec} is already running; serve starts an app (pkg.module:app) or a cmd: target."
        )
    with context.running(port=options.port) as server:
        yield server

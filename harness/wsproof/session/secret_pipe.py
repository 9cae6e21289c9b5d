"""A pipe through which a child process reports its workloads' secrets, so that this process hides them too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.model.secrecy import learn


@contextmanager
def secret_pipe() -> Iterator[int]:
    """Yield a file descriptor to which the child writes JSON lists of secrets, one per line.

    A thread learns the secrets as they arrive. The exit waits at most 1 s until the pipe is read to its end.
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

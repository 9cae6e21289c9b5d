"""A pipe by which a child process tells us the secrets that its workloads have shown, so that we hide them, too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.model.secrecy import learn


@contextmanager
def secret_pipe() -> Iterator[int]:
    """The descriptor for the child to write JSON lists into. Within, what comes is learned; all of it, at the end."""
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

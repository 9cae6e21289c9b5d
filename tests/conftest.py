"""Settings for all tests. Hypothesis draws the same examples in each run, without deadlines; for others:

    WSPROOF_HYPOTHESIS=deep make test

draws different examples in every run, and fifty times as many where a test sets no number of its own.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest
from hypothesis import settings

from tests.longest_first import longest_first

settings.register_profile("fixed", max_examples=40, derandomize=True, database=None, deadline=None)
settings.register_profile("deep", max_examples=2_000, database=None, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("WSPROOF_HYPOTHESIS", "fixed"))

# Background processes of a shell or of nohup ignore these signals, and so would all processes that tests start and
# stop by them. A child of a process with a handler, even an empty one, has the default action again.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Tests start hundreds of Python processes. Where the environment forbids bytecode files (as container images often
# do), each process would compile wsproof again, which takes longer than the rest of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A pytest that a test starts is no xdist worker. It must not look like one: pytest-benchmark measures in no worker.
os.environ.pop("PYTEST_XDIST_WORKER", None)

# Collecting 7,000 tests makes millions of long-lived objects. Python would search them for garbage repeatedly,
# during the collection (a quarter of its time) and in every test.
gc.disable()


def pytest_collection_finish() -> None:
    """Exclude all objects made during the collection from garbage collection."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first."""
    longest_first(items)

"""What holds for all tests. Hypothesis draws the same examples each time, however slow the machine; others on request:

    WSPROOF_HYPOTHESIS=deep make test

looks further, at different examples in every run, and twenty times as many where a test names no number of its own.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hypothesis import settings

from tests.longest_first import longest_first

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("deep", max_examples=2_000, database=None, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("WSPROOF_HYPOTHESIS", "fixed"))

# Who is started in the background of a shell, or by nohup, ignores these, and so would all that tests start and stop by
# them. What is handled here, even by doing nothing, is as usual again in our children.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Tests start hundreds of Python processes. Where the environment forbids compiled modules (images of containers often
# do), each of them would compile wsproof again, which takes it longer than all else that it does at its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A pytest that a test starts is no worker of ours, and may measure: pytest-benchmark measures nothing in a worker.
os.environ.pop("PYTEST_XDIST_WORKER", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first."""
    longest_first(items)

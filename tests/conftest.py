"""How Hypothesis runs here: the same examples each time, however slow the machine; and other ones on request.

    WSPROOF_HYPOTHESIS=deep make test

looks further: different examples in every run, and twenty times as many where a test names no number of its own.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("deep", max_examples=2_000, database=None, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("WSPROOF_HYPOTHESIS", "fixed"))

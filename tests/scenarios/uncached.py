"""Disables the two-second cache of Locust's figures. Loaded beside scenarios."""

from __future__ import annotations

import locust.web

locust.web.DEFAULT_CACHE_TIME = 0.0

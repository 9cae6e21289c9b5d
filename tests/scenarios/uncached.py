"""Loaded beside scenarios: Locust shows the figures of this moment, where it else shows them for two seconds."""

from __future__ import annotations

import locust.web

locust.web.DEFAULT_CACHE_TIME = 0.0

"""The limit of open file descriptors: each connection needs one, and the usual soft limit is 1,024."""

from __future__ import annotations

import logging
import resource

from target_app.settings import Settings

SPARE = 256
"""File descriptors for everything but connections of clients: files, the backplane, the listening socket."""

logger = logging.getLogger("target_app")


def raise_limit(settings: Settings) -> None:
    """Raise the soft limit of this process as far as the settings need it. Warns if the hard limit is too low."""
    needed = settings.max_connections + settings.max_unfinished_requests + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_enough(soft, needed):
        return
    allowed = needed if _is_enough(hard, needed) else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    except (OSError, ValueError) as failed:  # macOS has a lower limit of its own
        logger.warning("the limit of open files stays at %d: %s", soft, failed)
        return
    if allowed < needed:
        logger.warning(
            "the system allows %d open files, and the settings allow %d connections: lower"
            " TARGET_APP_MAX_CONNECTIONS or raise the hard limit (ulimit -Hn)",
            allowed,
            needed - SPARE,
        )


def _is_enough(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed

"""A plan, dealt out to its workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wsproof.load.job import Job
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.net.running import RunningServer
from wsproof.net.share import draw_share


def jobs_of(
    plan: Plan,
    *,
    channels: str,
    settings: Mapping[str, str],
    endpoint: Endpoint,
    server: RunningServer | None,
    folder: Path,
) -> list[Job]:
    """A job per worker, which all number their members from one share. Only a server of ours is known to be ours alone.

    Raises:
        UsageError: the channels, their settings, or the workload do not exist: said before anything starts.
    """
    share = draw_share(alone=server is None or server.owned)
    jobs = [Job(plan, channels, endpoint, folder, settings, share, index) for index in range(plan.processes)]
    jobs[0].workload()
    return jobs

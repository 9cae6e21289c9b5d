"""The endpoint of one member: the user's options for this member, and what its workload adds."""

from __future__ import annotations

from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload


def member_endpoint(endpoint: Endpoint, workload: Workload, member: int) -> Endpoint:
    """Return the endpoint to which this member connects, with its number, path, headers and subprotocols."""
    place = endpoint.numbered(workload.base + member).channel(workload.path(member))
    return place.with_own(workload.headers(member), workload.subprotocols(member))


def http_endpoint(endpoint: Endpoint, workload: Workload, member: int) -> Endpoint:
    """Return the endpoint of this member's HTTP requests, with its number and headers."""
    return endpoint.numbered(workload.base + member).with_own(workload.headers(member))

"""Delivery properties about access: credentials and origins, and credentials in the output of the server."""

from __future__ import annotations

from wsproof.delivery.credentials import Access, has_credentials, origin_matters
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.contract import Contract
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import member_endpoint
from wsproof.workloads import Workload


def _is_private(contract: Contract) -> bool:
    """Whether only members with credentials may listen."""
    return not contract.public


def _origin_matters(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether a server may be expected to look at the origin of a handshake.

    It may if the contract names the allowed origins, or if a browser would send cookies. A member that must be prepared
    first may get its cookies then, so `execute` looks at them after the join.
    """
    if endpoint is None:
        return bool(workload.contract.origins)
    return workload.has_prepare or origin_matters(workload, member_endpoint(endpoint, workload, 0))


def _intrusion(access: Access) -> Schedule:
    """Two members publish while a third one joins without the right credentials."""
    messages = tuple(
        step for number in (0, 1, 0) for step in (Step(Action.SAY, number, "confidential"), Step(Action.SETTLE))
    )
    watch = Step(Action.WATCH, count=1)
    return (Step(Action.JOIN, 0), Step(Action.JOIN, 1), Step(Action.JOIN, 2, access=access), *messages, watch)


ACCESS_PROPERTIES: tuple[DeliveryProperty, ...] = (
    DeliveryProperty(
        "access",
        "A client without the right credentials receives no message. The server writes no credentials to its output.",
        _is_private,
        ("unauthorized-access", "secret-in-output"),
        edges=tuple(_intrusion(access) for access in (Access.NONE, Access.WRONG, Access.UNSIGNED)),
        needs=has_credentials,
    ),
    DeliveryProperty(
        "expired-access",
        "A client with credentials that have expired receives no message.",
        _is_private,
        ("unauthorized-access",),
        edges=(_intrusion(Access.EXPIRED),),
        needs=lambda workload, endpoint: workload.has_expire,
    ),
    DeliveryProperty(
        "access-to-other-rooms",
        "The credentials of a member open no room but its own.",
        lambda contract: contract.private_rooms and _is_private(contract),
        ("unauthorized-access",),
        edges=(_intrusion(Access.OTHER_ROOM),),
        needs=lambda workload, endpoint: workload.rooms > 1 and has_credentials(workload, endpoint),
    ),
    DeliveryProperty(
        "origin",
        "A page of another site cannot connect with the user's cookies.",
        _is_private,
        ("unauthorized-access",),
        edges=(_intrusion(Access.STRANGER),),
        needs=_origin_matters,
    ),
)
"""The properties of this file, in the order of execution."""

"""Judges whether the members of a channel receive each other's messages again after a disturbance."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from wsproof.checks.delivery import duplicated
from wsproof.checks.describe import shortened
from wsproof.model.contract import Contract
from wsproof.model.disturbance import DisturbanceRecord
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Receipts

CHECK = "recovery"
"""The name of the check, and of the probe that runs the user's command."""


def judge_disturbance(record: DisturbanceRecord, contract: Contract) -> list[Finding]:
    """The finding that members did not recover. Messages lost during the disturbance are no fault."""
    command = shortened(record.command, 80)
    if record.lost_pair is not None and record.was_delivering:
        return [_newcomers_unheard(record, command, contract)]
    if record.recovered_s is not None or not record.was_delivering:
        return []
    if record.unserved:
        state = (
            f"{len(record.unserved)} of {record.members} members receive nothing more, although their connections are "
            f"open: {record.unserved[0]}, for example"
        )
    else:
        state = f"{record.members} members cannot connect again"
    newcomer = {
        None: "",
        True: " A member that joins now is served, so the server has lost only the old connections.",
        False: " A member that joins now receives nothing either, so the server has lost the connection to its message "
        "broker, or to its other workers, and does not connect again.",
    }[record.is_newcomer_served]
    explanation = (
        f"After the disturbance ({command}) {state}. Before it, all received each other's messages, and "
        f"{record.waited_s:.0f} s later they still do not.{newcomer}"
    )
    witness = (
        f"before: {record.members} members receive each other's messages",
        f"the command {command} ends",
        f"{record.cut_off} connection(s) are ended by the server and opened again",
        f"{record.waited_s:.0f} s later: {', '.join(record.unserved) or 'nobody'} receives nothing",
    )
    return [Finding(CHECK, contract.channel, Anomaly.LOST, Level.VIOLATION, explanation, witness)]


def judge_repeats(history: History, since_ns: int, disturbance: str, contract: Contract) -> list[Finding]:
    """The finding that messages arrive more than once after a disturbance. Only those sent since `since_ns` count.

    Messages in transit during the disturbance may arrive again.
    """
    receipts = history.receipts
    rows = np.flatnonzero(receipts.intended_ns >= since_ns)
    later = Receipts(*(getattr(receipts, column.name)[rows] for column in fields(Receipts)))
    explanation = (
        f"After the disturbance ({shortened(disturbance, 80)}) the members received each other's messages again, but "
        "more than once. The server may have subscribed again without ending its old subscription. "
    )
    return [
        replace(finding, check=CHECK, explanation=explanation + finding.explanation)
        for finding in duplicated(replace(history, receipts=later), contract)
    ]


def _newcomers_unheard(record: DisturbanceRecord, command: str, contract: Contract) -> Finding:
    """The finding that members which joined after the recovery do not exchange messages with the others."""
    assert record.lost_pair is not None
    member, publisher = record.lost_pair
    explanation = (
        f"After the disturbance ({command}) the members received each other's messages again. Then {record.newcomers} "
        f"more joined, and {member} receives nothing that {publisher} publishes, {record.waited_s:.0f} s later. So the "
        "server seems not to connect a restarted part with the rest: for example, it reads its list of workers once."
    )
    witness = (
        f"the members receive each other's messages {record.recovered_s or 0:.1f} s after the disturbance",
        f"{record.newcomers} members join",
        f"{member} never receives what {publisher} publishes",
    )
    return Finding(CHECK, contract.channel, Anomaly.LOST, Level.VIOLATION, explanation, witness)

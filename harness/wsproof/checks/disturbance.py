"""Judges whether the members of a channel hear each other again after a disturbance."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from wsproof.checks.delivery import duplicated
from wsproof.checks.describe import shortened
from wsproof.model.contract import Contract
from wsproof.model.disturbance import DisturbanceRecord
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Receipts


def judge_disturbance(record: DisturbanceRecord, contract: Contract) -> list[Finding]:
    """The finding that members did not recover. Messages lost in the meantime are no fault."""
    command = shortened(record.command, 80)
    if record.unheard is not None and record.was_heard:
        return [_newcomers_unheard(record, command, contract)]
    if record.recovered_s is not None or not record.was_heard:
        return []
    if record.deaf:
        state = (
            f"{len(record.deaf)} of {record.members} members hear nothing more, though their connections are open: "
            f"{record.deaf[0]}, for one"
        )
    else:
        state = f"{record.members} members cannot come back"
    fresh = {
        None: "",
        True: " A member that joins now is served, so only the old connections are forgotten.",
        False: " A member that joins now hears nothing either, so the server has lost what hands messages on, and does "
        "not try again.",
    }[record.fresh_hears]
    told = (
        f"After the disturbance ({command}) {state}. Before it all heard each other, and {record.waited_s:.0f} s later "
        f"they still do not.{fresh}"
    )
    witness = (
        f"before: {record.members} members hear each other",
        f"the command {command} ends",
        f"{record.cut_off} connection(s) are ended by the server and opened again",
        f"{record.waited_s:.0f} s later: {', '.join(record.deaf) or 'nobody'} hears nothing",
    )
    return [Finding("recovery", contract.channel, Anomaly.LOST, Level.VIOLATION, told, witness)]


def judge_repeats(history: History, since_ns: int, what: str, contract: Contract) -> list[Finding]:
    """The finding that messages come more than once after a disturbance. Only those sent since `since_ns` count.

    What was on its way during the disturbance may come again.
    """
    receipts = history.receipts
    rows = np.flatnonzero(receipts.intended_ns >= since_ns)
    later = Receipts(*(getattr(receipts, column.name)[rows] for column in fields(Receipts)))
    told = (
        f"After the disturbance ({shortened(what, 80)}) the members heard each other again, but more than once. "
        "Perhaps the server has subscribed again and not ended its old subscription. "
    )
    return [
        replace(finding, check="recovery", explanation=told + finding.explanation)
        for finding in duplicated(replace(history, receipts=later), contract)
    ]


def _newcomers_unheard(record: DisturbanceRecord, command: str, contract: Contract) -> Finding:
    """The finding that members which joined after the recovery are not heard, or do not hear the others."""
    assert record.unheard is not None
    hearer, publisher = record.unheard
    told = (
        f"After the disturbance ({command}) the members heard each other again. Then {record.newcomers} more joined, "
        f"and {hearer} does not hear {publisher}, {record.waited_s:.0f} s later. So what the server started in place "
        "of what had ended is not connected with the rest: a list of workers, for example, that is read once."
    )
    witness = (
        f"the members hear each other {record.recovered_s or 0:.1f} s after the disturbance",
        f"{record.newcomers} members join",
        f"{hearer} never receives what {publisher} publishes",
    )
    return Finding("recovery", contract.channel, Anomaly.LOST, Level.VIOLATION, told, witness)

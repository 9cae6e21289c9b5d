"""Merges the workers' files into one `History`. The workload parses messages without envelope here, after the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wsproof.load.files.worker_files import MESSAGE, RECEIVED, SUBSCRIBER, Records, Rows, WorkerRecords, first_receipts
from wsproof.load.worker.recorder import kind_of_first_receipt
from wsproof.model.expected import publications_with_unknown_outcome, rows_of_pairs
from wsproof.model.history import (
    Damage,
    Departure,
    History,
    Member,
    Outcome,
    Part,
    PresenceNotice,
    ProtocolNote,
    Publications,
    Receipts,
    Recorder,
    Refusal,
    Tick,
    UnexpectedMessage,
    outcome_of_refusal,
)
from wsproof.workloads import MessageKind, Workload
from wsproof.workloads.damage import unplaced


def merge(
    records: Records,
    workload: Workload,
    members: int,
    *,
    alone: bool = True,
    first: int = 0,
    start_ns: int,
    end_ns: int,
    drained_ns: int,
) -> History:
    """Merge everything that the workers have written so far into a history.

    Unless `alone`, the server may have other clients: their presence notices and messages are left out. `first` is the
    number of member 0 in envelopes.
    """
    records.update()
    receipts = records.receipts()
    without_envelope = _read_without_envelope(records, workload, first)
    notices, ticks, unexpected = without_envelope.notices, without_envelope.ticks, without_envelope.unexpected
    everybody = _members(records, workload, members, receipts, ticks)
    if not alone:
        names = {member.name for member in everybody}
        notices = [notice for notice in notices if notice.about in names]
        unexpected = [message for message in unexpected if not message.has_envelope or 0 <= message.publisher < members]
    refused = [entry for entry in records.journal() if entry["what"] == "refused"]
    return History(
        publications=_publications(records.publications(), receipts, everybody, refused),
        receipts=receipts,
        members=everybody,
        notices=tuple(notices),
        ticks=tuple(ticks),
        unexpected=tuple(unexpected),
        protocol=tuple(_protocol_note(entry) for entry in records.journal() if entry["what"] == "breach"),
        damage=tuple(_damage(entry) for entry in records.journal() if entry["what"] == "damage"),
        ignored=without_envelope.ignored,
        ignored_text=without_envelope.ignored_text,
        shortest_ignored_text=without_envelope.shortest_ignored_text,
        keeps_alive=workload.keeps_alive,
        refusals=_refusals(refused),
        start_ns=start_ns,
        end_ns=end_ns,
        drained_ns=drained_ns,
    )


def _refusals(entries: list[dict[str, Any]]) -> tuple[Refusal, ...]:
    """The refused HTTP requests of all workers, by answer."""
    recorder = Recorder()
    for entry in entries:
        recorder.refused(entry["publisher"], entry["sequence"], entry["status"], entry["reason"])
    return tuple(recorder.refusals.values())


def _publications(
    rows: Rows, receipts: Receipts, everybody: tuple[Member, ...], refused: list[dict[str, Any]]
) -> Publications:
    """Mark publications as unsure (`Outcome.INFO`) if nobody can know whether the server read them."""
    publisher, sequence, intended_ns, sent_ns, phase, outcome = (rows[:, column].copy() for column in range(6))
    unsure = publications_with_unknown_outcome(publisher, sequence, receipts, everybody)
    outcome[unsure & (outcome == Outcome.OK)] = Outcome.INFO
    keys = np.array([(entry["publisher"], entry["sequence"]) for entry in refused], np.int64).reshape(-1, 2)
    for row, entry in zip(rows_of_pairs(publisher, sequence, keys[:, 0], keys[:, 1]).tolist(), refused, strict=True):
        outcome[row] = outcome_of_refusal(entry["status"])
    return Publications(publisher, sequence, intended_ns, sent_ns, phase, outcome)


def _members(
    records: Records, workload: Workload, members: int, receipts: Receipts, ticks: list[Tick]
) -> tuple[Member, ...]:
    entries: dict[str, dict[int, dict[str, Any]]] = {"open": {}, "subscribed": {}, "left": {}}
    for entry in records.journal():
        if entry["what"] in entries:
            entries[entry["what"]].setdefault(entry["member"], entry)
    in_ns = first_receipts(receipts, kind_of_first_receipt(workload.contract), members).tolist()
    for tick in ticks:
        in_ns[tick.subscriber] = min(in_ns[tick.subscriber] or tick.received_ns, tick.received_ns)
    for number, entry in entries["subscribed"].items():
        in_ns[number] = min(in_ns[number] or entry["at_ns"], entry["at_ns"])
    opened, left = entries["open"], entries["left"]
    return tuple(
        replace(
            _member(number, workload.name_of(number), in_ns[number], opened.get(number), left.get(number)),
            room=workload.room_of(number),
        )
        for number in range(members)
    )


def _member(number: int, name: str, in_ns: int, opened: dict[str, Any] | None, left: dict[str, Any] | None) -> Member:
    if opened is None:  # refused, or the run stopped before this member connected
        return Member(number, name, left_ns=left["at_ns"] if left else 0, departure=Departure.REFUSED)
    return Member(
        number,
        name,
        connect_ns=opened["connect_ns"],
        connected_ns=opened["connected_ns"],
        in_ns=in_ns,
        left_ns=left["at_ns"] if left else 0,
        departure=Departure(left["departure"]) if left else Departure.STAYED,
        close_code=left["code"] if left else None,
        join_fault=left.get("join_fault", "") if left else "",
    )


def _read_without_envelope(records: Records, workload: Workload, first: int) -> Recorder:
    """Let the workload parse the messages that have no envelope where the workload expects it."""
    recorder = Recorder()
    for worker in records.workers:
        texts = {entry["number"]: _message(entry) for entry in worker.journal if entry["what"] == "message"}
        for subscriber, number, received_ns in _rows_without_envelope(worker):
            parsed = workload.read(subscriber, texts[number])
            if parsed.kind is MessageKind.TICK:
                value = dict(parsed.value) if parsed.value is not None else None
                recorder.ticks.append(Tick(subscriber, received_ns, value, parsed.text))
            elif parsed.kind in (MessageKind.LEAVE, MessageKind.JOIN) and parsed.member is not None:
                recorder.notices.append(
                    PresenceNotice(subscriber, parsed.member, parsed.kind is MessageKind.LEAVE, received_ns)
                )
            elif (
                parsed.kind is MessageKind.IGNORED or parsed.version is not None
            ):  # the text does not say which publication
                recorder.ignore(texts[number])
            else:
                recorder.unexpected.append(unplaced(parsed, texts[number], subscriber, received_ns, first))
        recorder.unexpected += [
            UnexpectedMessage(entry["member"], entry["at_ns"], entry["text"])
            for entry in worker.journal
            if entry["what"] == "unexpected"
        ]
    return recorder


def _rows_without_envelope(worker: WorkerRecords) -> list[list[int]]:
    rows = np.concatenate([np.zeros((0, 8), np.int64), *worker.without_envelope])
    numbers: list[list[int]] = rows[:, [SUBSCRIBER, MESSAGE, RECEIVED]].tolist()
    return numbers


def _message(entry: dict[str, Any]) -> str | bytes:
    return str(entry["text"]) if "text" in entry else bytes.fromhex(entry["hex"])


def _damage(entry: dict[str, Any]) -> Damage:
    return Damage(
        entry["publisher"], entry["sequence"], Part(entry["part"]), entry["expected"], entry["got"], entry["at"]
    )


def _protocol_note(entry: dict[str, Any]) -> ProtocolNote:
    return ProtocolNote(
        entry["member"], entry["rule"], entry["section"], entry["level"], entry["sentence"], entry["evidence"]
    )

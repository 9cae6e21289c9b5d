from __future__ import annotations

import numpy as np
import pytest

from wsproof.model.history import Columns, Departure, Kind, Member, Outcome, Recorder
from wsproof.model.plan import Phase


def test_the_frozen_history_keeps_the_recorded_order() -> None:
    recorder = Recorder(start_ns=10, end_ns=20, drained_ns=30)
    recorder.members.append(Member(0, "1"))
    recorder.published(0, 5, 11, 12, Phase.WARMUP, Outcome.INFO)
    recorder.received(0, 0, 5, 11, 15)
    recorder.received(0, 0, 5, 11, 14, Kind.REPLY, intact=False)
    history = recorder.freeze()
    assert len(history.publications) == 1
    assert (history.publications.phase[0], history.publications.outcome[0]) == (Phase.WARMUP, Outcome.INFO)
    assert list(history.receipts.received_ns) == [15, 14]
    assert list(history.receipts.kind) == [Kind.DELIVERY, Kind.REPLY]
    assert list(history.receipts.intact) == [1, 0]
    assert (history.start_ns, history.end_ns, history.drained_ns) == (10, 20, 30)


def test_a_frozen_history_does_not_change_while_its_recorder_goes_on() -> None:
    recorder = Recorder()
    recorder.published(0, 0, 1, 1)
    before = recorder.freeze()
    recorder.published(0, 1, 2, 2)
    recorder.members.append(Member(0, "1"))
    assert len(before.publications) == 1
    assert before.members == ()


def test_all_columns_are_integers_of_the_same_length() -> None:
    columns = Columns("a", "b")
    columns.append(1, 2**62)
    assert columns.freeze("b").dtype == np.int64
    assert columns.freeze("b")[0] == 2**62
    with pytest.raises(ValueError, match="zip"):
        columns.append(1)


def test_an_empty_history_can_be_frozen() -> None:
    history = Recorder().freeze()
    assert len(history.publications) == len(history.receipts) == 0
    assert history.receipts.received_ns.dtype == np.int64


def test_members_have_the_names_that_the_server_knows() -> None:
    recorder = Recorder()
    recorder.members.append(Member(0, "17"))
    assert recorder.freeze().name_of(0) == "17"
    assert recorder.freeze().name_of(3) == "?3"


def test_only_members_that_read_and_keep_the_protocol_are_well_behaved() -> None:
    assert Member(0, "1", departure=Departure.RESET).is_well_behaved
    assert not Member(0, "1", stalled=True).is_well_behaved
    assert not Member(0, "1", misbehaviour="a binary frame").is_well_behaved

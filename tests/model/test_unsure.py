"""Test of publications that the server may never have read."""

from __future__ import annotations

from wsproof.model.expected import publications_with_unknown_outcome
from wsproof.model.history import Departure, Member, Recorder


def test_the_last_publications_of_a_connection_that_ended_have_an_unknown_outcome() -> None:
    recorder = Recorder()
    recorder.members = [Member(0, "0", left_ns=50, departure=Departure.DROPPED), Member(1, "1")]
    for sequence in range(3):
        recorder.published(0, sequence, sequence, sequence + 1)
        recorder.published(1, sequence, sequence, sequence + 1)
    recorder.received(1, 0, 1, 1, 20)
    recorder.received(1, 0, 2, 2, 21, intact=False)
    recorder.received(1, -1, 9, 0, 22)
    history = recorder.freeze()
    sent = history.publications
    unsure = publications_with_unknown_outcome(sent.publisher, sent.sequence, history.receipts, history.members)
    assert sent.sequence[unsure].tolist() == [2]
    assert sent.publisher[unsure].tolist() == [0]

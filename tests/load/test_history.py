"""Test of the compact form of a history."""

from __future__ import annotations

from wsproof.load.files.history import pack_history, unpack_history
from wsproof.model.history import Kind, Member, Outcome, Recorder, Tick
from wsproof.model.plan import Phase


def test_a_packed_history_is_unpacked_unchanged() -> None:
    recorder = Recorder(start_ns=1_000)
    recorder.members = [Member(n, f"{n}", in_ns=500) for n in (0, 1)]
    recorder.published(1, 0, 2**62, 0, Phase.MEASURED, Outcome.FAILED)
    recorder.received(0, 1, 2**31, 2**63 - 1, 5, Kind.REPLY, False)
    recorder.received(0, -(2**31), 0, 0, 7)
    recorder.ticks.append(Tick(0, 3_000, {"text": "\ud800"}))
    history = recorder.freeze()
    packed = unpack_history(pack_history(history))
    for name in ("publisher", "sequence", "intended_ns", "received_ns", "kind", "intact"):
        assert getattr(packed.receipts, name).tolist() == getattr(history.receipts, name).tolist()
    assert packed.publications.intended_ns.tolist() == [2**62]
    assert (packed.members, packed.ticks, packed.start_ns) == (history.members, history.ticks, history.start_ns)

"""Tests of the engine with small servers: the history shows exactly the planted behaviour."""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.load.conftest import Serve, follow, small_plan
from tests.load.servers import is_marked
from wsproof import CannotTellError, TargetError, UsageError
from wsproof.errors import ExitCode, TerminatedRun
from wsproof.load import PartialRun, Progress, load_history, run_plan
from wsproof.load.workers import WorkerPool
from wsproof.model.arrivals import CONSTANT, Arrivals, BurstArrivals, RampArrivals, Trace
from wsproof.model.history import Departure, History, Kind, Outcome
from wsproof.model.plan import Phase, schedule
from wsproof.net.endpoint import Endpoint

CLOCK_ERROR_NS = 1_000
"""Largest error of the conversion of the kernel's time, if nobody sets the wall clock."""
Delivery = tuple[int, int, int]
"""Subscriber, publisher, sequence."""


def deliveries(history: History, *, intact: bool = True) -> list[Delivery]:
    """Return each subscriber's deliveries, in order of receipt."""
    receipts = history.receipts
    chosen = (receipts.kind == Kind.DELIVERY) & (receipts.intact == int(intact))
    rows = zip(receipts.subscriber[chosen], receipts.publisher[chosen], receipts.sequence[chosen], strict=True)
    return [(int(subscriber), int(publisher), int(sequence)) for subscriber, publisher, sequence in rows]


def everything(history: History) -> list[Delivery]:
    """Return one delivery of each publication to each member."""
    keys = zip(history.publications.publisher.tolist(), history.publications.sequence.tolist(), strict=True)
    return [(member, publisher, sequence) for publisher, sequence in keys for member in range(len(history.members))]


def marked(history: History) -> list[Delivery]:
    return [key for key in everything(history) if is_marked(key[0], key[2])]


class TestEverythingDelivered:
    @pytest.mark.parametrize(("loop", "processes", "publishers"), [("auto", 1, 1), ("auto", 2, 3), ("asyncio", 1, 2)])
    def test_each_publication_reaches_every_member_once(
        self, serve: Serve, loop: str, processes: int, publishers: int
    ) -> None:
        plan = small_plan(publishers=publishers, processes=processes)
        with serve("fair") as endpoint:
            measurement = follow(plan, endpoint, loop=loop)
        history = measurement.history
        publications = history.publications
        assert sorted(deliveries(history)) == sorted(everything(history))
        assert Counter(history.receipts.kind.tolist())[Kind.REPLY] == len(publications)
        assert set(publications.outcome.tolist()) == {Outcome.OK}
        planned = schedule(plan)
        for phase in (Phase.WARMUP, Phase.MEASURED):
            assert (publications.phase == phase).sum() == (planned.phase == phase).sum()
        assert {member.departure for member in history.members} == {Departure.STAYED}
        assert [*history.unexpected, *history.protocol, *history.notices] == []
        assert measurement.generator.processes == processes
        assert measurement.generator.unsent == 0
        if loop == "asyncio":
            assert measurement.generator.loop == "asyncio"

    def test_nothing_is_received_before_it_was_sent(self, serve: Serve) -> None:
        with serve("fair") as endpoint:
            measurement = follow(small_plan(), endpoint)
        sent, receipts = measurement.history.publications, measurement.history.receipts
        keys = zip(sent.publisher.tolist(), sent.sequence.tolist(), strict=True)
        sent_ns = dict(zip(keys, sent.sent_ns.tolist(), strict=True))
        keys = zip(receipts.publisher.tolist(), receipts.sequence.tolist(), strict=True)
        after_ns = receipts.received_ns - np.array([sent_ns[key] for key in keys])
        assert len(after_ns) > 0
        assert after_ns.min() >= -CLOCK_ERROR_NS, measurement.generator.stamps.clock

    @pytest.mark.parametrize(
        "arrivals", [CONSTANT, BurstArrivals(5), RampArrivals(400, 0), Trace((0, 1, 1, 200_000_000))], ids=str
    )
    def test_the_intended_times_are_those_of_the_schedule_and_travel_in_each_message(
        self, serve: Serve, arrivals: Arrivals
    ) -> None:
        plan = replace(small_plan(publishers=2), arrivals=arrivals)
        with serve("fair") as endpoint:
            history = follow(plan, endpoint).history
        publications = history.publications
        sent = publications.phase != Phase.PROBE
        intended = np.sort(publications.intended_ns[sent])
        assert (np.diff(intended) == np.diff(schedule(plan).offset_ns)).all()
        assert (publications.sent_ns[sent] >= publications.intended_ns[sent]).all()
        keys = zip(publications.publisher, publications.sequence, publications.intended_ns, strict=True)
        by_key = {(int(publisher), int(sequence)): int(time) for publisher, sequence, time in keys}
        receipts = history.receipts
        for publisher, sequence, time in zip(receipts.publisher, receipts.sequence, receipts.intended_ns, strict=True):
            assert by_key[int(publisher), int(sequence)] == time

    def test_an_echo_replies_only_to_its_publishers(self, serve: Serve) -> None:
        with serve("fair") as endpoint:
            history = follow(small_plan("echo", 4, publishers=2), endpoint).history
        receipts = history.receipts
        assert len(receipts) == len(history.publications)
        assert (receipts.subscriber == receipts.publisher).all()
        assert set(receipts.subscriber.tolist()) == {0, 1}

    def test_the_viewers_of_a_feed_only_listen(self, serve: Serve) -> None:
        with serve("fair") as endpoint:
            history = follow(small_plan("dashboard", 3), endpoint).history
        assert len(history.publications) == 0
        assert {tick.subscriber for tick in history.ticks} == {0, 1, 2}
        assert all(tick.value is not None and tick.value["active_users"] == 3 for tick in history.ticks)
        assert all(member.in_ns for member in history.members)


class TestWhatServersDo:
    def test_exactly_the_deliveries_that_the_server_dropped_are_lost(self, serve: Serve) -> None:
        with serve("drop") as endpoint:
            history = follow(small_plan(drain_s=0.2), endpoint).history
        assert Counter(everything(history)) - Counter(deliveries(history)) == Counter(marked(history))
        assert len(marked(history)) > 30

    def test_exactly_the_duplicates_that_the_server_sent_are_reported(self, serve: Serve) -> None:
        with serve("duplicate") as endpoint:
            history = follow(small_plan(), endpoint).history
        assert Counter(deliveries(history)) - Counter(everything(history)) == Counter(marked(history))

    def test_reordered_deliveries_keep_their_received_order(self, serve: Serve) -> None:
        with serve("reorder") as endpoint:
            history = follow(small_plan(drain_s=0.2), endpoint).history
        late = set()
        for member in range(7):
            order = [sequence for subscriber, _, sequence in deliveries(history) if subscriber == member]
            late |= {(member, 0, after) for before, after in pairwise(order) if after < before}
        last = len(history.publications) - 1
        assert late == {key for key in marked(history) if key[2] < last}

    def test_exactly_the_deliveries_that_the_server_altered_are_corrupt(self, serve: Serve) -> None:
        with serve("corrupt") as endpoint:
            history = follow(small_plan(drain_s=0.2), endpoint).history
        assert sorted(deliveries(history, intact=False)) == sorted(marked(history))
        assert Counter(everything(history)) - Counter(deliveries(history)) == Counter(marked(history))

    def test_fragments_with_pings_inside_are_put_together_and_answered(self, serve: Serve) -> None:
        # This server sends no more fragments to a member that leaves a ping unanswered.
        with serve("fragment") as endpoint:
            history = follow(small_plan(), endpoint).history
        assert sorted(deliveries(history)) == sorted(everything(history))
        assert {member.departure for member in history.members} == {Departure.STAYED}

    def test_a_member_that_the_server_closes_has_its_code_and_the_drain_ignores_it(self, serve: Serve) -> None:
        with serve("close") as endpoint:
            history = follow(small_plan(drain_s=60, duration_s=0.03), endpoint).history
        gone = [member for member in history.members if member.departure is Departure.DROPPED]
        assert gone
        assert {member.close_code for member in gone} == {4001}
        assert all(member.left_ns for member in gone)

    def test_a_publication_that_cannot_be_written_has_failed(self, serve: Serve) -> None:
        # The server closes member 0, the only publisher, at its tenth publication. The window is so long that a
        # busy machine cannot send everything in one burst, before it has read the close frame.
        with serve("close") as endpoint:
            history = follow(small_plan(drain_s=60, duration_s=2.0), endpoint).history
        publications = history.publications
        failed = publications.outcome == Outcome.FAILED
        assert failed.any()
        assert (publications.sent_ns[failed] == 0).all()
        heard = set(history.receipts.sequence.tolist())
        ok = publications.sequence[publications.outcome == Outcome.OK].tolist()
        unknown = publications.sequence[publications.outcome == Outcome.INFO].tolist()
        assert set(ok) <= heard
        assert not set(unknown) & heard

    def test_a_breach_of_the_protocol_is_noted_with_the_member(self, serve: Serve) -> None:
        with serve("breach") as endpoint:
            history = follow(small_plan(), endpoint).history
        assert Counter(note.subscriber for note in history.protocol) == Counter(key[0] for key in marked(history))
        assert {note.rule for note in history.protocol} == {"masked"}

    def test_a_refused_member_does_not_stop_the_others(self, serve: Serve) -> None:
        with serve("refuse") as endpoint:
            history = follow(small_plan(), endpoint).history
        assert [member.departure for member in history.members].index(Departure.REFUSED) == 2
        assert {key[0] for key in deliveries(history)} == {0, 1, 3, 4, 5, 6}

    def test_a_member_without_a_delivery_is_never_marked_as_subscribed(self, serve: Serve) -> None:
        with serve("deaf") as endpoint:
            history = follow(small_plan(ramp_s=0.8), endpoint).history
        assert [member.number for member in history.members if not member.in_ns] == [2]

    def test_a_stall_counts_in_the_latency_of_every_publication_due_during_it(self, serve: Serve) -> None:
        with serve("stall") as endpoint:
            history = follow(small_plan(duration_s=1.5, rate_hz=100), endpoint).history
        receipts = history.receipts
        latency = (receipts.received_ns - receipts.intended_ns)[receipts.kind == Kind.DELIVERY]
        # One second at 100 publications per second to 7 members: 350 of the receipts were due in the first half.
        assert (latency > 500_000_000).sum() > 300
        assert latency.max() > 950_000_000
        assert sorted(deliveries(history)) == sorted(everything(history))


class TestWhatGoesWrong:
    def test_a_refused_connection_is_a_target_error(self) -> None:
        with pytest.raises(TargetError, match="nobody could connect"):
            follow(small_plan(), Endpoint("127.0.0.1", 1))

    def test_more_publishers_than_subscribers_are_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="expected 1 to 3 of them, got 4"):
            follow(small_plan(subscribers=3, publishers=4), Endpoint("127.0.0.1", 1))

    def test_an_unknown_workload_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="no workload called"):
            follow(small_plan("chess"), Endpoint("127.0.0.1", 1))

    def test_sigterm_keeps_the_partial_history_and_ends_the_workers(self, serve: Serve, tmp_path: Path) -> None:
        pids = _stop_in_the_window(serve, tmp_path, TerminatedRun("SIGTERM"), ExitCode.TERMINATED)
        assert len(pids) == 2
        assert not any(_is_alive(pid) for pid in pids)

    @pytest.mark.parametrize("phase", ["connect", "probe"])
    def test_a_run_that_is_stopped_before_its_window_is_a_partial_run(self, serve: Serve, phase: str) -> None:
        def stop(progress: Progress) -> None:
            if progress.phase == phase:
                raise KeyboardInterrupt

        with serve("deaf") as endpoint, pytest.raises(PartialRun) as caught:
            run_plan(small_plan(), channels="tutorial", settings={}, endpoint=endpoint, progress=stop)
        history = caught.value.measurement.history
        assert len(history.members) == 7
        assert history.start_ns == history.end_ns <= history.drained_ns

    def test_a_killed_worker_is_reported_and_its_records_are_kept(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pids = _watch_pids(monkeypatch)

        def kill(progress: Progress) -> None:
            if progress.phase == "measure" and progress.done > 0.01 and _is_alive(pids[1]):
                os.kill(pids[1], signal.SIGKILL)

        with serve("fair") as endpoint, pytest.raises(PartialRun, match="Worker 1") as caught:
            run_plan(
                small_plan(processes=2, duration_s=30),
                channels="tutorial",
                settings={},
                endpoint=endpoint,
                progress=kill,
            )
        assert isinstance(caught.value.cause, CannotTellError)
        assert caught.value.exit_code == ExitCode.CANNOT_TELL
        assert {key[0] for key in deliveries(caught.value.measurement.history)} == set(range(7))
        assert not any(_is_alive(pid) for pid in pids)


def _stop_in_the_window(serve: Serve, folder: Path, cause: BaseException, code: ExitCode) -> list[int]:
    """Raise `cause` in the parent, as a signal would, and check the kept records. Returns the workers' pids."""
    pids: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.phase == "measure" and progress.done > 0.01:
            raise cause

    with pytest.MonkeyPatch.context() as patch, serve("fair") as endpoint:
        pids = _watch_pids(patch)
        with pytest.raises(PartialRun) as caught:
            run_plan(
                small_plan(processes=2, duration_s=30),
                channels="tutorial",
                settings={},
                endpoint=endpoint,
                columns=folder,
                progress=stop,
            )
    assert caught.value.exit_code == code
    history = caught.value.measurement.history
    assert len(deliveries(history)) > 20
    assert history.end_ns <= history.drained_ns
    kept = load_history(folder)
    assert kept.members == history.members
    assert (kept.receipts.received_ns == history.receipts.received_ns).all()
    return pids


def _watch_pids(patch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []
    enter = WorkerPool.__enter__

    def remember(pool: WorkerPool) -> WorkerPool:
        entered = enter(pool)
        pids.extend(pool.pids)
        return entered

    patch.setattr(WorkerPool, "__enter__", remember)
    return pids


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

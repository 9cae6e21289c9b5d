"""Tests of two concurrent runs in one room of one server: neither reports the other's messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.load.conftest import Serve, small_plan
from wsproof import Envelope, Measurement
from wsproof.checks import run_checks
from wsproof.load import Progress, run_plan
from wsproof.load.setup import LoadTarget, configs_for
from wsproof.load.worker.recorder import FOREIGN, NO_ENVELOPE, WorkerRecorder
from wsproof.machine.lock import measurement_lock
from wsproof.model.history import Kind
from wsproof.model.member_ids import SIZE, MemberIds
from wsproof.net.endpoint import parse_url
from wsproof.target.server import serve as reach
from wsproof.target.target import parse_target
from wsproof.wire import Frame, Opcode
from wsproof.workloads import load_channels


def test_concurrent_runs_in_one_room_are_both_valid(serve: Serve) -> None:
    together = Barrier(2, timeout=90)

    def keep_step(progress: Progress) -> None:
        # Neither run leaves before the other has measured, so the first one ready receives all of the other's messages.
        if (progress.phase, progress.done) == ("collect", 0.0):
            together.wait()

    def measure(url: str) -> Measurement:
        with reach(parse_target(url)) as server:
            return run_plan(
                small_plan(publishers=2, ramp_s=90, drain_s=90),
                channels="tutorial",
                settings={},
                endpoint=server.endpoint,
                server=server,
                progress=keep_step,
            )

    # One lock around both: a process counts as one measurement, and its threads may end in any order.
    with measurement_lock(), serve("fair") as endpoint, ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(measure, [endpoint.url] * 2))
    for run in runs:
        assert run_checks(run.history, run.contract) == []
        assert {member.number for member in run.history.members} == set(range(7))
        deliveries = (run.history.receipts.kind == Kind.DELIVERY).sum()
        assert deliveries == 7 * len(run.history.publications)


def kind_of(tmp_path: Path, share: MemberIds, frame_of: int, *, spoiled: bool = False) -> int:
    recorder = WorkerRecorder(tmp_path, 0, load_channels("tutorial", base=1 + share.first)["chat"], share)
    text = f"Client #{1 + frame_of} says: " + Envelope(frame_of, 3, 5).seal("hi")
    payload = (text.replace("hi", "ho") if spoiled else text).encode()
    (number,) = recorder.learn(0, Frame(Opcode.TEXT, payload).encode(), payload, is_text=True)
    recorder.close()
    return recorder.kinds[number]


def test_a_publication_of_another_run_is_recognised_by_its_number(tmp_path: Path) -> None:
    share = MemberIds(3 * SIZE, alone=False)
    assert kind_of(tmp_path, share, 3 * SIZE) == Kind.DELIVERY
    assert kind_of(tmp_path, share, 4 * SIZE - 1) == Kind.DELIVERY, "an unknown member with a number of this run"
    assert kind_of(tmp_path, share, 4 * SIZE) == FOREIGN != NO_ENVELOPE
    assert kind_of(tmp_path, share, 0) == FOREIGN
    assert kind_of(tmp_path, MemberIds(), 4 * SIZE) == Kind.DELIVERY, (
        "a run that is alone on its server expects no other runs"
    )


def test_a_damaged_envelope_is_a_delivery_whichever_run_it_names(tmp_path: Path) -> None:
    assert kind_of(tmp_path, MemberIds(3 * SIZE, alone=False), 7, spoiled=True) == Kind.DELIVERY


def test_concurrently_measured_workloads_have_disjoint_member_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter((3, 8))
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    target = LoadTarget("tutorial", {}, parse_url("ws://127.0.0.1:1/"))
    plans = [small_plan("chat"), small_plan("echo")]
    (alone,) = configs_for(plans[:1], target, [tmp_path / "alone"])
    assert {(one.share.first, one.share.alone) for one in alone} == {(0, True)}
    mixed = configs_for(plans, target, [tmp_path / "one", tmp_path / "other"])
    shares = [(one.share.first, one.share.alone) for own in mixed for one in own]
    assert shares == [(3 * SIZE, False), (8 * SIZE, False)]

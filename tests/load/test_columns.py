"""Tests of column files: half-written rows, and histories that are loaded unchanged."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from wsproof import Envelope, UsageError, Workload, parse_sizes
from wsproof.load import load_history, save_history
from wsproof.load.files.columns import Journal, JournalTail, RowFile, Tail, table_path
from wsproof.load.limits import require_possible
from wsproof.load.meter import ServerMeter, cpu_share
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.envelope import body_of
from wsproof.model.history import Kind, Member, PresenceNotice, Recorder, Tick, UnexpectedMessage
from wsproof.model.plan import Plan
from wsproof.workloads.echo import Echo
from wsproof.workloads.rooms import Rooms


def test_a_column_tail_yields_each_complete_row_once(tmp_path: Path) -> None:
    path = table_path(tmp_path, 0, "receipts")
    file = RowFile(path)
    tail = Tail(tmp_path, 0, "receipts")
    assert len(tail.read()) == 0
    file.rows.extend((1, 2, 3, 4, 5, 1 << 62))
    file.settle()
    with path.open("ab") as raw:
        raw.write(b"\x07\x00\x00")
    assert tail.read().tolist() == [[1, 2, 3], [4, 5, 1 << 62]]
    assert tail.read().tolist() == []
    with path.open("ab") as raw:
        raw.write(b"\x00" * 21)
    assert tail.read().tolist() == [[7, 0, 0]]
    file.close()


def test_a_journal_yields_each_complete_line_once(tmp_path: Path) -> None:
    journal = Journal(table_path(tmp_path, 3, "journal"))
    tail = JournalTail(tmp_path, 3)
    journal.note("open", member=1, text="ä\n\u2028")
    journal.settle()
    with table_path(tmp_path, 3, "journal").open("ab") as raw:
        raw.write(b'{"what": "le')
    assert tail.read() == [{"what": "open", "member": 1, "text": "ä\n\u2028"}]
    assert tail.read() == []
    journal.close()


def test_a_saved_history_is_loaded_unchanged(tmp_path: Path) -> None:
    recorder = Recorder(start_ns=5, end_ns=6, drained_ns=7)
    recorder.published(0, 0, 1, 2)
    recorder.received(1, 0, 0, 1, 9, Kind.REPLY, False)
    recorder.members += [Member(0, "a", in_ns=4), Member(1, "b", close_code=1001)]
    recorder.notices.append(PresenceNotice(0, "b", True, 8))
    recorder.ticks.append(Tick(1, 9, {"x": [1, None]}, "text"))
    history = recorder.freeze()
    save_history(history, tmp_path)
    back = load_history(tmp_path)
    assert (back.members, back.notices, back.ticks) == (history.members, history.notices, history.ticks)
    assert (back.start_ns, back.end_ns, back.drained_ns) == (5, 6, 7)
    assert back.receipts.received_ns.tolist() == [9]
    assert back.receipts.kind.tolist() == [Kind.REPLY]
    assert back.publications.sent_ns.tolist() == [2]


def test_a_history_with_older_field_names_is_read(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.members.append(Member(0, "a", misbehaviour="a binary frame"))
    recorder.unexpected.append(UnexpectedMessage(0, 7, "oops"))
    save_history(recorder.freeze(), tmp_path)
    for file in tmp_path.glob("*.json"):
        text = file.read_text()
        assert '"misbehaviour"' in text
        assert '"unexpected"' in text
        file.write_text(text.replace('"misbehaviour"', '"misbehaved"').replace('"unexpected"', '"strange"'))
    back = load_history(tmp_path)
    assert back.members == (Member(0, "a", misbehaviour="a binary frame"),)
    assert back.unexpected == (UnexpectedMessage(0, 7, "oops"),)


def test_the_cpu_share_is_computed_per_second() -> None:
    second = 1_000_000_000
    at_ns = np.arange(0, 5 * second, second // 4)
    used = np.where(at_ns < 2 * second, at_ns // 10, second // 5 + (at_ns - 2 * second) // 2)
    shares = cpu_share(at_ns, used, second, 3 * second + second // 2)
    assert shares.tolist() == pytest.approx([0.1, 0.5, 0.5])


def test_a_deeply_nested_tick_is_kept(tmp_path: Path) -> None:
    nested: list[object] = []
    for _ in range(20_000):
        nested = [nested]
    recorder = Recorder()
    recorder.ticks.append(Tick(0, 1, {"load": nested}, "the text of it"))
    save_history(recorder.freeze(), tmp_path)
    assert [tick.text for tick in load_history(tmp_path).ticks] == ["the text of it"]
    while nested:  # level by level, since releasing it at once would overflow the stack
        nested = nested.pop()  # type: ignore[assignment]


def test_a_remainder_of_a_few_milliseconds_is_not_a_second_of_its_own() -> None:
    second, ms = 1_000_000_000, 1_000_000
    at_ns = np.array([0, 2 * second, 2 * second + 50 * ms])
    used = np.array([0, second // 5, second // 5 + 50 * ms])
    shares = cpu_share(at_ns, used, 0, 2 * second + 10 * ms)
    assert shares.tolist() == pytest.approx([0.1, (0.1 * second + 10 * ms) / (1.01 * second)])
    assert len(cpu_share(at_ns, used, 0, 10 * ms)) == 1


def test_a_payload_over_the_limit_of_the_engine_is_a_usage_error() -> None:
    require_possible(Plan(payload_bytes=16_000_000))
    with pytest.raises(UsageError, match="payload of at most"):
        require_possible(Plan(payload_bytes=16 * 1024 * 1024))


@pytest.mark.parametrize("typed", ["1", "50", "50-1024", "120:9,50:1"])
def test_a_payload_that_has_no_room_for_the_envelope_is_a_usage_error(typed: str) -> None:
    sizes = parse_sizes(typed)
    with pytest.raises(UsageError, match="payload of at least 51 bytes, got"):
        require_possible(Plan(payload_bytes=round(sizes.mean), sizes=sizes))
    with pytest.raises(UsageError, match="payload of at least 51 bytes, got 50:"):
        require_possible(Plan(payload_bytes=50))


def message(workload: Workload, envelope: Envelope, body: str) -> str | bytes:
    published = workload.publish(0, envelope, body)
    assert isinstance(published, str | bytes)
    return published


@pytest.mark.parametrize("workload", [Echo(), Echo({"format": "binary"}), Echo({"format": "json"}), Rooms()])
def test_the_shortest_payload_has_the_requested_length(workload: Workload) -> None:
    shortest = parse_sizes("51")
    require_possible(Plan(payload_bytes=51, sizes=shortest))
    lengths = [len(message(workload, Envelope(0, 1, 2), body_of(size))) for size in (51, 52, 151)]
    assert lengths == [lengths[0], lengths[0] + 1, lengths[0] + 100]


def test_the_cache_does_not_keep_all_large_messages(tmp_path: Path) -> None:
    recorder = WorkerRecorder(tmp_path, 0, Echo())
    numbers = [recorder.learn(0, b"%d" % number + bytes(10_000_000), b"ticks", True)[0] for number in range(8)]
    assert numbers == list(range(8))
    assert sum(map(len, recorder.known)) < 70_000_000
    recorder.close()


def test_the_meter_measures_a_process_and_keeps_its_usage_after_its_end() -> None:
    script = "import sys\nwhile True:\n    sum(range(10**5))\n"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        meter = ServerMeter(process.pid)
        meter.sample(1)
        deadline = time.monotonic() + 30
        while meter.usage().cpu_ns[-1] < 50_000_000 and time.monotonic() < deadline:
            meter.sample(2)
    finally:
        process.kill()
        process.wait()
    usage = meter.usage()
    meter.sample(3)
    after = meter.usage()
    assert usage.cpu_ns[-1] >= 50_000_000
    assert (np.diff(usage.cpu_ns) >= 0).all()
    assert usage.memory_bytes.min() > 1_000_000
    assert set(usage.connections.tolist()) == {1, 2}
    assert len(after.at_ns) == len(usage.at_ns)

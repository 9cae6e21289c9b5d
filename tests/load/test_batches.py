"""Tests that the engine reads frames with several messages, without extra cost for other frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.load.reading import read
from tests.load.test_connection import ANSWER, KEY, Wire
from tests.workloads.apps.conversing_channels import Conversing, message_of_kind
from wsproof import Envelope, Parsed
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.model.history import History
from wsproof.wire import Frame, FrameDecoder, Opcode, Request
from wsproof.workloads import Message


class Batching(Conversing):
    """A workload with one message per line and several lines in a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def split(self, message: Message) -> Sequence[Message]:
        return str(message).split("\n")

    def read(self, member: int, message: str | bytes) -> Parsed:
        self.reads.append(json.loads(message)["type"])
        return super().read(member, message)


class Worker:
    """A worker with two connected members."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.workload = Batching()
        self.recorder = WorkerRecorder(folder, 0, self.workload)
        state = WorkerState(self.recorder)
        self.wires = [Wire(), Wire()]
        self.connections = [
            Connection(member, Request("localhost", "/", KEY), state, loop.create_future()) for member in (0, 1)
        ]
        self._folder = folder
        for connection, wire in zip(self.connections, self.wires, strict=True):
            connection.connection_made(wire)
            read(connection, ANSWER)

    def hear(self, member: int, *lines: str) -> None:
        read(self.connections[member], frame(*lines))

    def join(self) -> None:
        for member in (0, 1):
            self.hear(member, message_of_kind("ack"))
            self.hear(member, message_of_kind("subscribed"))
        self.sent(0), self.sent(1)
        self.workload.reads.clear()

    def sent(self, member: int) -> list[str]:
        """Return the types of the messages that the member has sent since the last call."""
        decoder = FrameDecoder()
        decoder.feed(self.wires[member].written.rpartition(b"\r\n\r\n")[2])
        self.wires[member].written = b""
        return [json.loads(each.payload)["type"] for each in iter(decoder.next_frame, None) if each is not None]

    def history(self) -> History:
        self.recorder.settle()
        return merge(Records(self._folder, 1), self.workload, 2, start_ns=0, end_ns=0, drained_ns=0)


def frame(*lines: str) -> bytes:
    return Frame(Opcode.TEXT, "\n".join(lines).encode()).encode()


def published(sequence: int) -> str:
    return message_of_kind("next", text=Envelope(0, sequence, 1).seal("hello"))


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    loop = asyncio.new_event_loop()
    yield Worker(tmp_path, loop)
    loop.close()


def test_every_message_of_a_frame_is_a_receipt_and_equal_bytes_are_parsed_once(worker: Worker) -> None:
    worker.join()
    for member in (0, 1):
        worker.hear(member, published(0), published(1))
        worker.hear(member, published(2))
    assert worker.workload.reads == ["next"] * 3
    receipts = worker.history().receipts
    assert receipts.subscriber.tolist() == [0, 0, 0, 1, 1, 1]
    assert receipts.sequence.tolist() == [0, 1, 2] * 2


def test_a_frame_of_one_message_is_on_the_fast_path_and_a_frame_of_several_is_not(worker: Worker) -> None:
    worker.join()
    worker.hear(0, published(0), published(1))
    worker.hear(0, published(2))
    assert list(worker.recorder.known) == [frame(published(2))]


def test_frames_of_one_and_of_several_messages_in_one_read_keep_their_order(worker: Worker) -> None:
    worker.join()
    stream = frame(published(0)) + frame(published(1), published(2)) + frame(published(3))
    for _ in range(2):
        read(worker.connections[0], stream)
    assert worker.history().receipts.sequence.tolist() == [0, 1, 2, 3] * 2


def test_each_message_of_a_frame_that_needs_an_answer_gets_one_from_every_member(worker: Worker) -> None:
    worker.join()
    for member in (0, 1):
        for _ in range(2):
            worker.hear(member, message_of_kind("ping", id=1), published(0), message_of_kind("ping", id=2))
            assert worker.sent(member) == ["pong", "pong"]
    assert worker.workload.reads == ["ping", "next", "ping"]
    assert len(worker.history().receipts) == 4


def test_one_frame_may_answer_several_steps_of_a_join_and_bring_a_publication(worker: Worker) -> None:
    worker.hear(0, message_of_kind("ack"), message_of_kind("subscribed"), published(0))
    assert worker.sent(0) == ["init", "subscribe"]
    assert worker.connections[0].can_send
    assert worker.history().receipts.sequence.tolist() == [0]
    assert worker.history().unexpected == ()


def test_messages_in_the_last_frame_of_a_stamped_read_have_an_exact_time(worker: Worker) -> None:
    worker.join()
    connection = worker.connections[0]
    intervals: list[tuple[int, int, int, int]] = []
    worker.recorder.interval = intervals.append
    connection.received(frame(published(0), published(1)), 2**62, 2**62)
    assert intervals == []

"""Tests that the fast path finds the same messages as the decoder, wherever the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire.conversations import MASK, any_frames, ordinary_frames
from wsproof.wire import (
    Frame,
    FrameDecoder,
    LengthForm,
    Opcode,
    apply_mask,
    is_waiting,
    needs_slow_path,
    scan,
)

BIG = 1 << 30
trains = st.builds(
    lambda frame, count: [frame] * count,
    st.builds(Frame, opcode=st.sampled_from([1, 2]), payload=st.binary(max_size=5)),
    st.integers(0, 40),
)
streams = st.lists(
    st.one_of(trains, st.lists(ordinary_frames(), max_size=2), st.lists(any_frames(), max_size=1)), max_size=6
).map(lambda groups: [frame for group in groups for frame in group])


def is_ordinary(frame: Frame) -> bool:
    return (
        frame.opcode in (1, 2)
        and frame.fin
        and not frame.rsv
        and frame.mask is None
        and frame.length_form is LengthForm.MINIMAL
    )


@given(streams, st.integers(0, 200_000), st.integers(0, 5), st.sampled_from([bytes, bytearray, memoryview]))
@example([Frame(1, b"ab")] * 9 + [Frame(2, b"ab")] * 9 + [Frame(1, b"\x81\x02")] * 9, 10_000, 0, bytes)
def test_scan_agrees_with_the_decoder_at_any_cut(
    frames: list[Frame], cut: int, before: int, kind: type[bytes] | type[bytearray] | type[memoryview]
) -> None:
    whole = b"".join(frame.encode() for frame in frames)
    data = bytes(before) + whole[: cut % (len(whole) + 1)]
    decoder = FrameDecoder()
    decoder.feed(data[before:])
    expected, taken = [], before
    while (frame := decoder.next_frame()) is not None and is_ordinary(frame):
        expected.append(frame.payload)
        taken += len(frame.encode())

    spans: list[int] = []
    stopped = scan(kind(data), before, len(data), spans)

    assert [data[begin:end] for begin, end in zip(spans[::2], spans[1::2], strict=True)] == expected
    assert stopped == taken
    stuck = frame is not None and stopped < len(data)
    waiting = is_waiting(data, stopped, len(data), max_payload_bytes=BIG)
    assert not (stuck and waiting), "a complete frame that is not ordinary is never waited for"
    if frame is None and stopped < len(data):
        rest = b"".join(f.encode() for f in frames)[stopped - before :]
        assert waiting == _first_is_ordinary(rest)


def _first_is_ordinary(data: bytes) -> bool:
    decoder = FrameDecoder()
    decoder.feed(data)
    frame = decoder.next_frame()
    assert frame is not None
    return is_ordinary(frame)


def test_spans_are_appended_and_bytes_after_the_end_are_ignored() -> None:
    data = Frame(Opcode.TEXT, b"abc").encode() * 2
    spans = [7, 8]
    assert scan(data, 0, 9, spans) == 5
    assert spans == [7, 8, 2, 5]


def test_a_run_of_equal_frames_ends_before_an_incomplete_frame() -> None:
    frame = Frame(Opcode.TEXT, b"x" * 120).encode()
    data = frame * 100
    spans: list[int] = []
    assert scan(data, 0, len(data) - 1, spans) == 99 * len(frame)
    assert spans == [at for i in range(99) for at in (i * len(frame) + 2, (i + 1) * len(frame))]


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.PING),
        Frame(Opcode.CLOSE),
        Frame(Opcode.CONTINUATION),
        Frame(Opcode.TEXT, b"a", fin=False),
        Frame(Opcode.TEXT, b"a", rsv=4),
        Frame(3),
    ],
)
def test_a_first_byte_that_is_not_ordinary_needs_the_slow_path(frame: Frame) -> None:
    data = frame.encode()
    assert needs_slow_path(data[0])
    assert scan(data, 0, len(data), []) == 0
    assert not is_waiting(data, 0, len(data), max_payload_bytes=BIG)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.TEXT, b"a", mask=MASK),
        Frame(Opcode.TEXT, b"a", length_form=LengthForm.BITS16),
        Frame(Opcode.TEXT, b"a", length_form=LengthForm.BITS64),
        Frame(Opcode.TEXT, bytes(200), length_form=LengthForm.BITS64),
        Frame(Opcode.TEXT, declared_length=1 << 63),
        Frame(Opcode.TEXT, declared_length=BIG + 1),
    ],
)
def test_the_fast_path_does_not_wait_for_a_head_that_is_not_ordinary(frame: Frame) -> None:
    data = frame.encode()
    assert scan(data, 0, len(data), []) == 0
    assert not is_waiting(data, 0, len(data), max_payload_bytes=BIG)


def test_the_fast_path_agrees_with_masking_helpers_on_empty_payloads() -> None:
    spans: list[int] = []
    assert scan(b"\x81\x00\x82\x00", 0, 4, spans) == 4
    assert spans == [2, 2, 4, 4]
    assert apply_mask(b"", MASK) == b""


def test_runs_longer_than_the_search_limit_and_successive_short_runs_are_found() -> None:
    long_train = Frame(Opcode.TEXT, b"ab").encode() * 1000
    short_trains = (Frame(Opcode.TEXT, b"a").encode() * 9 + Frame(Opcode.BINARY, b"abc").encode() * 9) * 50
    spans: list[int] = []
    assert scan(long_train + short_trains, 0, 4000 + len(short_trains), spans) == 4000 + len(short_trains)
    assert len(spans) == 2 * (1000 + 900)
    assert spans[:2000:2] == list(range(2, 4000, 4))

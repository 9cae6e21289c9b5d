"""Tests of encoding and decoding frames, against an independent codec."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.streams import StreamReader

from tests.wire.conversations import MASK, any_frames, cut_points, in_pieces
from wsproof.wire import (
    CloseCode,
    Frame,
    FrameDecoder,
    LengthForm,
    Opcode,
    apply_mask,
    is_close_code_sendable,
)


def decode_all(data: bytes, cuts: list[int] | None = None, **options: int) -> list[Frame]:
    decoder = FrameDecoder(**options)
    frames = []
    for piece in in_pieces(data, cuts or []):
        decoder.feed(piece)
        while (frame := decoder.next_frame()) is not None:
            frames.append(frame)
    return frames


@given(st.lists(any_frames(), max_size=5), cut_points)
def test_frames_of_any_kind_survive_encoding_and_any_segmentation(frames: list[Frame], cuts: list[int]) -> None:
    data = b"".join(frame.encode() for frame in frames)
    assert decode_all(data, cuts) == frames


their_opcodes = st.sampled_from([0, 1, 2, 8, 9, 10])


@given(their_opcodes, st.binary(max_size=125), st.booleans(), st.integers(0, 7), st.booleans())
def test_the_parser_of_websockets_reads_our_frames(
    opcode: int, payload: bytes, fin: bool, rsv: int, masked: bool
) -> None:
    fin = fin or opcode >= 8  # The codec of websockets refuses fragmented control frames
    ours = Frame(opcode, payload, fin, rsv, MASK if masked else None)
    reader = StreamReader()
    reader.feed_data(ours.encode())
    # The codec of websockets refuses RSV bits without an extension. This extension allows all of them.
    parsing = TheirFrame.parse(reader.read_exact, mask=masked, extensions=[_Permissive()])  # type: ignore[list-item]
    with pytest.raises(StopIteration) as stopped:
        next(parsing)
    theirs = stopped.value.value
    assert (int(theirs.opcode), bytes(theirs.data), theirs.fin) == (opcode, payload, fin)
    assert not reader.buffer, "the parser of websockets reads every byte of our frame"


class _Permissive:
    """An extension that clears the RSV bits."""

    def decode(self, frame: TheirFrame, *, max_size: int | None = None) -> TheirFrame:
        return TheirFrame(frame.opcode, frame.data, frame.fin)


@given(their_opcodes, st.binary(max_size=125), st.booleans(), st.booleans())
def test_our_decoder_reads_the_frames_of_websockets(opcode: int, payload: bytes, fin: bool, masked: bool) -> None:
    fin = fin or opcode >= 8
    data = TheirFrame(TheirOpcode(opcode), payload, fin).serialize(mask=masked)
    (ours,) = decode_all(data)
    assert (ours.opcode, ours.payload, ours.fin, ours.rsv) == (opcode, payload, fin, 0)
    assert (ours.mask is not None) == masked


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_each_length_is_written_in_its_shortest_form(length: int) -> None:
    theirs = TheirFrame(TheirOpcode.BINARY, bytes(length)).serialize(mask=False)
    assert Frame(Opcode.BINARY, bytes(length)).encode() == theirs


@pytest.mark.parametrize(
    ("form", "length", "head"),
    [
        (LengthForm.BITS16, 5, b"\x82\x7e\x00\x05"),
        (LengthForm.BITS64, 5, b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05"),
        (LengthForm.BITS64, 300, b"\x82\x7f\x00\x00\x00\x00\x00\x00\x01\x2c"),
    ],
)
def test_a_length_form_that_is_too_long_is_written_and_reported(form: LengthForm, length: int, head: bytes) -> None:
    frame = Frame(Opcode.BINARY, bytes(length), length_form=form)
    assert frame.encode() == head + bytes(length)
    assert decode_all(frame.encode()) == [frame]


def test_a_length_form_that_is_also_the_shortest_is_decoded_as_minimal() -> None:
    frame = Frame(Opcode.BINARY, bytes(126), length_form=LengthForm.BITS16)
    assert decode_all(frame.encode()) == [Frame(Opcode.BINARY, bytes(126))]


@pytest.mark.parametrize(
    "frame",
    [
        Frame(16),
        Frame(Opcode.TEXT, rsv=8),
        Frame(Opcode.TEXT, mask=b"123"),
        Frame(Opcode.TEXT, bytes(126), length_form=LengthForm.BITS7),
        Frame(Opcode.TEXT, length_form=LengthForm.BITS16, declared_length=65_536),
        Frame(Opcode.TEXT, declared_length=1 << 64),
        Frame(Opcode.TEXT, declared_length=-1),
    ],
)
def test_encoding_an_impossible_frame_raises_a_value_error(frame: Frame) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        frame.encode()


def test_a_frame_may_declare_a_wrong_length_or_one_with_the_top_bit_set() -> None:
    lie = Frame(Opcode.TEXT, b"abc", declared_length=1 << 63)
    assert lie.encode() == b"\x81\x7f\x80" + bytes(7) + b"abc"


@given(cut_points)
def test_a_frame_over_the_limit_is_returned_as_a_head_and_reading_continues(cuts: list[int]) -> None:
    data = Frame(Opcode.BINARY, bytes(200)).encode() + Frame(Opcode.TEXT, b"next").encode()
    assert decode_all(data, cuts, max_payload_bytes=100) == [
        Frame(Opcode.BINARY, declared_length=200),
        Frame(Opcode.TEXT, b"next"),
    ]


def test_a_masked_frame_over_the_limit_has_its_key_and_no_payload() -> None:
    decoder = FrameDecoder(max_payload_bytes=10)
    decoder.feed(Frame(Opcode.BINARY, bytes(9), mask=MASK, declared_length=1 << 62).encode())
    assert decoder.next_frame() == Frame(
        Opcode.BINARY, mask=MASK, declared_length=1 << 62, length_form=LengthForm.MINIMAL
    )
    for _ in range(100):
        decoder.feed(bytes(10_000))
        assert decoder.next_frame() is None
        assert decoder.pending_bytes == 0
    assert not decoder.is_between_frames


def test_pending_bytes_counts_the_received_part_of_a_frame() -> None:
    decoder = FrameDecoder()
    whole = Frame(Opcode.TEXT, b"Hello").encode()
    decoder.feed(whole + whole[:3])
    assert decoder.next_frame() == Frame(Opcode.TEXT, b"Hello")
    assert decoder.next_frame() is None
    assert (decoder.pending_bytes, decoder.is_between_frames) == (3, False)
    decoder.feed(whole[3:])
    assert decoder.next_frame() == Frame(Opcode.TEXT, b"Hello")
    assert (decoder.pending_bytes, decoder.is_between_frames) == (0, True)


def _lines_to_decode_bytewise(size: int) -> int:
    """Count the Python lines that the decoder runs for a frame that arrives byte by byte.

    The count has no jitter, unlike a time.
    """
    decoder, count = FrameDecoder(), 0

    def trace(frame: object, event: str, arg: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    data = Frame(Opcode.BINARY, bytes(size)).encode()
    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        for at in range(len(data)):
            decoder.feed(data[at : at + 1])
            decoder.next_frame()
    finally:
        sys.settrace(before)
    return count


def test_decoding_a_frame_byte_by_byte_costs_in_proportion_to_its_length() -> None:
    assert _lines_to_decode_bytewise(8_000) < 2.2 * _lines_to_decode_bytewise(4_000)


def test_one_mebibyte_byte_by_byte_is_decoded() -> None:
    decoder = FrameDecoder()
    data = Frame(Opcode.BINARY, bytes(range(256)) * 4096, mask=MASK).encode()
    for byte in data:
        assert decoder.next_frame() is None
        decoder.feed(bytes((byte,)))
    frame = decoder.next_frame()
    assert frame is not None
    assert frame.payload == bytes(range(256)) * 4096


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_is_xor_with_the_repeated_key_and_its_own_inverse(data: bytes, mask: bytes) -> None:
    masked = apply_mask(data, mask)
    assert masked == bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    assert apply_mask(memoryview(masked), mask) == data


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_registered_and_private_close_codes_may_be_sent(code: int) -> None:
    assert is_close_code_sendable(code)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_reserved_local_and_unassigned_close_codes_may_not_be_sent(code: int) -> None:
    assert not is_close_code_sendable(code)


def test_the_close_codes_are_the_numbers_from_1000_to_1015() -> None:
    assert sorted(CloseCode) == list(range(1000, 1016))


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (Frame(Opcode.TEXT, b"Hello"), 'TEXT fin=1 mask=- len=5 "Hello"'),
        (Frame(Opcode.PING, mask=MASK), "PING fin=1 mask=01020304 len=0"),
        (Frame(Opcode.TEXT, b"a\x1b[31m\x7f"), 'TEXT fin=1 mask=- len=7 "a\\u001b[31m\\u007f"'),
        (Frame(Opcode.TEXT, b"\xff"), "TEXT fin=1 mask=- len=1 0xff"),
        (Frame(Opcode.BINARY, bytes(40)), f"BINARY fin=1 mask=- len=40 0x{'00' * 30}..."),
        (Frame(3, fin=False, rsv=5), "RESERVED-3 fin=0 rsv=101 mask=- len=0"),
        (Frame(Opcode.CLOSE, b"\x03\xe8bye"), 'CLOSE fin=1 mask=- len=5 1000 "bye"'),
        (Frame(Opcode.CLOSE, b"\x03"), 'CLOSE fin=1 mask=- len=1 "\\u0003"'),
        (
            Frame(Opcode.TEXT, b"x", length_form=LengthForm.BITS64, declared_length=9),
            'TEXT fin=1 mask=- len=1 length-form=64-bit declared=9 "x"',
        ),
    ],
)
def test_a_transcript_line_says_what_is_on_the_wire(frame: Frame, line: str) -> None:
    assert frame.describe() == line


@given(any_frames())
def test_a_transcript_line_is_short_printable_ascii(frame: Frame) -> None:
    line = frame.describe()
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 500


def test_a_long_text_is_cut_between_characters() -> None:
    assert Frame(Opcode.TEXT, "\u20ac".encode() * 400).describe().endswith('\\u20ac"...')

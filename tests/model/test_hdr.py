from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproof.model.hdr import HOUR_NS, Histogram, Layout

WRITTEN_BY_ANOTHER = "HISTFAAAADN4nJNpmSzMwMAgyAABzFCaEch0M9ixgMH+A0SAieWnPBvT/j7GF+yHXTQWJjMBAMoDCfQ="
"""The histogram of VALUES, in nanoseconds, as hdrhistogram 0.10.8 encodes it."""
VALUES = [0] + [1] * 2 + [2047] * 3 + [2048] + [1_000_000] * 500 + [20_000_000] * 20 + [1_500_000_000]


def test_a_histogram_of_another_implementation_is_read() -> None:
    read = Histogram.decode(WRITTEN_BY_ANOTHER)
    assert read.layout == Layout(1, HOUR_NS, 3)
    assert np.array_equal(read.counts, Histogram.of(np.array(VALUES)).counts)
    assert [read.percentile(share) for share in (0.5, 0.99, 0.999, 1.0)] == [
        1_000_447,
        20_004_863,
        1_500_512_255,
        1_500_512_255,
    ]


def test_a_written_histogram_inflates_to_the_bytes_of_another_implementation() -> None:
    def inflated(text: str) -> bytes:
        return zlib.decompress(base64.b64decode(text)[8:])

    assert inflated(Histogram.of(np.array(VALUES)).encode()) == inflated(WRITTEN_BY_ANOTHER)


@given(st.lists(st.integers(0, HOUR_NS), min_size=1, max_size=60), st.integers(0, 59), st.sampled_from([1, 2, 3]))
def test_partial_histograms_add_up_to_the_whole_histogram_and_survive_encoding(
    values: list[int], cut: int, digits: int
) -> None:
    layout = Layout(digits=digits)
    whole = Histogram.of(np.array(values), layout)
    first, second = (Histogram.of(np.array(part, np.int64), layout) for part in (values[:cut], values[cut:]))
    joined = Histogram.decode(first.encode()) + Histogram.decode(second.encode())
    assert np.array_equal(joined.counts, whole.counts)
    for share in (0.01, 0.5, 0.99, 1.0):
        exact = sorted(values)[max(-(-len(values) * round(share * 100) // 100), 1) - 1]
        got = joined.percentile(share)
        assert got is not None
        assert exact <= got <= exact + max(1, exact / 10**digits)


def test_a_value_above_the_highest_counts_as_the_highest() -> None:
    histogram = Histogram.of(np.array([5, 10**18]), Layout(1, 1_000_000, 2))
    assert histogram.total == 2
    assert histogram.percentile(1.0) == Histogram.of(np.array([1_000_000]), Layout(1, 1_000_000, 2)).percentile(1.0)


def test_an_empty_histogram_has_no_percentiles() -> None:
    empty = Histogram.of(np.zeros(0, np.int64))
    assert empty.percentile(0.5) is None
    assert Histogram.decode(empty.encode()).total == 0


def test_adding_histograms_of_different_layouts_is_an_error() -> None:
    with pytest.raises(ValueError, match="different layouts"):
        Histogram.of(np.array([1])) + Histogram.of(np.array([1]), Layout(digits=2))


@given(st.binary(max_size=80) | st.just(b""))
def test_an_invalid_histogram_is_refused(noise: bytes) -> None:
    for text in (noise.decode("latin-1"), base64.b64encode(noise).decode()):
        with pytest.raises(ValueError, match="HdrHistogram"):
            Histogram.decode(text)


@given(st.binary(min_size=1, max_size=60))
def test_damaged_counts_raise_only_a_value_error(noise: bytes) -> None:
    good = base64.b64decode(WRITTEN_BY_ANOTHER)
    inner = zlib.decompress(good[8:])
    squeezed = zlib.compress(inner[:4] + len(noise).to_bytes(4, "big") + inner[8:40] + noise)
    text = base64.b64encode(good[:4] + len(squeezed).to_bytes(4, "big") + squeezed).decode()
    try:
        assert Histogram.decode(text).layout == Layout()
    except ValueError as refused:
        assert "histogram" in str(refused)  # noqa: PT017 - either is right

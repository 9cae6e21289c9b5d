"""Tests that charts show their data correctly, also with very little data."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples
from wsproof.model.comparison import Judgement
from wsproof.report.charts.axes import Axis, linear, logarithmic, nines
from wsproof.report.charts.comparison import forest_plot, merged_rounds, spectrum_chart
from wsproof.report.charts.svg import (
    ChartFrame,
    ChartLine,
    histogram_chart,
    level_chart,
    percentile_chart,
    timeline_chart,
)

FRAME = ChartFrame("k", "Title & more", "In words.", "seconds", "time")
FINITE = st.floats(0, 1e15) | st.none()


def texts(svg: str) -> list[str]:
    return [(node.text or "") for node in ElementTree.fromstring(svg).iter("text")]


def test_a_chart_names_itself_its_axes_and_their_unit() -> None:
    root = ElementTree.fromstring(timeline_chart(FRAME, [ChartLine("", [0, 1, 2], [1e6, 2e6, 3e6])], "ns"))
    assert root.findtext("title") == "Title & more"
    assert root.findtext("desc") == "In words."
    labels = [node.text for node in root.iter("text")]
    assert {"time (ms)", "seconds", "3"} <= set(labels)


def test_larger_values_are_drawn_higher_and_later_ones_further_right() -> None:
    svg = timeline_chart(FRAME, [ChartLine("", [0, 1, 2], [1.0, 2.0, 3.0])], "1")
    path = re.search(r'd="M([^"]+)"', svg)
    assert path is not None
    points = [tuple(map(float, point.split())) for point in path[1].split("L")]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_a_gap_in_the_data_is_a_gap_in_the_line_and_a_single_value_a_dot() -> None:
    svg = timeline_chart(FRAME, [ChartLine("", [0, 1, 2, 3, 4], [1.0, 2.0, None, 3.0, None])], "1")
    assert svg.count("<circle") == 1
    assert re.search(r'class="line s1" d="M[^M"]+"', svg)


def test_lines_differ_by_name_and_style_and_not_only_by_colour() -> None:
    lines = [ChartLine("p50", [0, 1], [1.0, 2.0], 1), ChartLine("max", [0, 1], [3.0, 4.0], 2)]
    svg = timeline_chart(FRAME, lines, "ns")
    assert {"p50", "max"} <= set(texts(svg))
    assert 'class="line s1"' in svg
    assert 'class="line s2"' in svg


def test_the_percentile_axis_has_a_tick_for_each_nine() -> None:
    lines = [ChartLine("a", [0.0, 1.0, 2.0, 3.0], [1e5, 2e5, 5e5, 9e5])]
    assert {"min", "p50", "p90", "p99", "p99.9"} <= set(texts(percentile_chart(FRAME, lines, "ns")))


def test_a_histogram_has_a_bar_per_bin_and_one_for_values_beyond_it() -> None:
    svg = histogram_chart(FRAME, [0, 1e6, 2e6], [4, 1], 2, "ns")
    assert svg.count('class="bar"') == 2
    assert svg.count('class="bar beyond"') == 1
    assert "2 slower" in texts(svg)


@given(st.lists(st.tuples(st.floats(-5, 1000), FINITE), max_size=20), st.booleans())
def test_any_data_make_a_well_formed_chart_within_its_frame(
    points: list[tuple[float, float | None]], log: bool
) -> None:
    points.sort(key=lambda point: point[0])
    line = ChartLine("x", [x for x, _ in points], [y for _, y in points])
    svg = timeline_chart(FRAME, [line], "ns", log=log, limit=3.0, window=(0.0, 10.0))
    if any(y is not None for _, y in points):
        root = ElementTree.fromstring(svg)
        assert "nan" not in svg
        assert all(0 <= float(node.get("x", "0")) <= 480 for node in root.iter("text"))
    else:
        assert svg == ""


@pytest.mark.parametrize("axis", [linear(0, 97, 0, 100), logarithmic(0.3, 4000, 0, 100), nines(4, 0, 100)])
def test_ticks_lie_on_the_axis_in_order(axis: Axis) -> None:
    places = [axis.at(value) for value, _ in axis.ticks]
    assert len(places) >= 3
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 100


def test_labels_of_an_axis_do_not_overlap() -> None:
    svg = timeline_chart(FRAME, [ChartLine("", [0, 123_456], [1.0, 2.0])], "1")
    ticks = [node for node in ElementTree.fromstring(svg).iter("text") if node.get("text-anchor") == "middle"]
    spans = [(float(node.get("x", "0")), len(node.text or "") * 3.5) for node in ticks]
    for (left, half), (right, other) in pairwise(spans):
        assert left + half < right - other


def test_the_forest_plot_shows_each_ratio_with_its_interval_and_verdict() -> None:
    rows = samples.comparison(Judgement.WORSE).metrics
    svg = forest_plot(rows, [row.metric for row in rows])
    root = ElementTree.fromstring(svg)
    assert svg.count('class="point') == 5
    assert svg.count('class="interval') == 4
    assert svg.count('class="band"') == 5
    assert "latency_p50: +25.5 %, worse" in (root.findtext("desc") or "")


def test_the_spectrum_has_a_line_and_a_band_per_build() -> None:
    build = {"low": [1e6, 2e6, None], "middle": [2e6, 3e6, None], "high": [3e6, 4e6, None]}
    svg = spectrum_chart({"percentiles": [50.0, 99.0, 99.9], "base": build, "candidate": build})
    root = ElementTree.fromstring(svg)
    assert svg.count('class="around s1"') == svg.count('class="around s2"') == 1
    assert {"base", "candidate", "p99"} <= set(texts(svg))
    assert root.findtext("desc") == "p50: base 2 ms, candidate 2 ms; p99: base 3 ms, candidate 3 ms"
    assert spectrum_chart({}) == ""


def test_many_rounds_are_merged_into_medians_and_gaps_stay_gaps() -> None:
    assert merged_rounds([1.0, 9.0, 2.0, None, None, None, 5.0], 3) == [2.0, None, 5.0]
    assert merged_rounds([1.0, None], 1) == [1.0, None]


def test_runs_at_levels_differ_in_shape_and_the_knee_is_shaded() -> None:
    runs = [
        ChartLine("met", [10.0, 20.0], [1e6, 2e6], 1),
        ChartLine("missed", [40.0], [9e8], 2),
        ChartLine("untrusted", [80.0], [5e6], 3),
    ]
    svg = level_chart(FRAME, runs, "ns", limit=1e8, shaded=(20.0, 40.0))
    ElementTree.fromstring(svg)
    assert svg.count('class="dot s1"') == 2 + 1  # and one in the key
    assert svg.count('class="mark s2"') == svg.count('class="mark ring s3"') == 1 + 1
    assert 'class="window"' in svg
    assert {"met", "missed", "untrusted", "objective 100 ms"} <= set(texts(svg))


def test_levels_without_a_value_draw_nothing_and_counts_of_zero_are_values() -> None:
    assert level_chart(FRAME, [ChartLine("met", [], [], 1)], "1", limit=0.0) == ""
    assert 'class="dot s1"' in level_chart(FRAME, [ChartLine("met", [10.0, 20.0], [0.0, 3.0], 1)], "1", limit=0.0)

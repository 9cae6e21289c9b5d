"""Tests of trends: which runs share one, which values it shows, and its change points."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.report import samples
from wsproof import RunRecord
from wsproof.model.comparison import Judgement
from wsproof.model.summary import Void
from wsproof.report.formats.index_page import index_page, write_index
from wsproof.report.store.run_dir import RunDir
from wsproof.report.store.run_summary import summary_of_record
from wsproof.report.store.runs import RunStore
from wsproof.report.store.summaries import StoredRun, read_summaries
from wsproof.report.trend import MOST_RUNS, Trend, trends_of

MACHINE = {"cpu": "Quick One", "cores": 4, "cores_usable": 4, "memory_bytes": 8 << 30, "arch": "x86_64"}


def bench(number: int, p50_ms: float = 2.0, **changes: Any) -> RunRecord:
    """Return a bench that began `number` minutes after midnight, on its own commit."""
    latency = samples.summary(centre=p50_ms * 1e6)
    git = {"branch": changes.pop("branch", "main"), "sha": f"{number:09x}", "dirty": False, "describe": None}
    started_utc = f"2026-11-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00+00:00"
    record = samples.record(
        id=f"run-{number:04}", started_utc=started_utc, git=git, machine=MACHINE, metrics={"latency": latency}
    )
    return record.but(**changes)


def stored(records: Sequence[RunRecord]) -> list[StoredRun]:
    return [
        StoredRun(RunDir(Path("runs") / record.id), summary_of_record(record.id, record.to_json()))
        for record in records
    ]


def only_trend(records: Sequence[RunRecord]) -> Trend:
    (trend,) = trends_of(stored(records))
    return trend


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": MACHINE | {"cpu": "Slow One"}},
        {"machine": MACHINE | {"cores_usable": 2}},
        {"machine": MACHINE | {"memory_bytes": 16 << 30}},
        {"target": samples.TARGET | {"server": "hypercorn"}},
        {"plan": {"workload": "chat", "subscribers": 999}},
    ],
)
def test_runs_of_unlike_machines_targets_or_setups_never_share_a_trend(changes: dict[str, Any]) -> None:
    alike = [bench(number) for number in range(0, 10, 2)]
    unlike = [bench(number, 9.0, **changes) for number in range(1, 11, 2)]
    trends = trends_of(stored([*alike, *unlike]))
    assert [{line.values[0] for line in trend.metrics[0].lines} for trend in trends] == [{9e6}, {2e6}]


def test_the_port_the_seed_and_the_packages_of_a_run_separate_no_trend() -> None:
    runs = [
        bench(
            number,
            target=samples.TARGET | {"url": f"ws://127.0.0.1:{number}/"},
            plan={"workload": "chat", "subscribers": 5, "seed": number},
            machine=MACHINE | {"python": f"3.{number}"},
        )
        for number in range(5)
    ]
    assert len(only_trend(runs).runs) == 5


def test_a_run_without_a_known_machine_is_in_no_trend() -> None:
    assert trends_of(stored([bench(number, machine={}) for number in range(5)])) == ()


def test_two_runs_are_no_trend() -> None:
    assert trends_of(stored([bench(0), bench(1)])) == ()


def test_incomplete_and_void_runs_are_left_out_and_counted() -> None:
    void = {name: Void("not-alone", "Another measurement ran.") for name in ("value", "p50", "p99")}
    latency = bench(0).metrics["latency"]
    runs = [bench(number) for number in range(5)]
    runs += [bench(5, complete=False), bench(6, trusted=False)]
    runs += [bench(7, trusted=False, metrics={"latency": replace(latency, void=void)})]
    trend = only_trend(runs)
    assert (len(trend.runs), trend.left_out) == (5, 3)


def test_a_void_figure_is_a_gap_and_the_other_figures_of_its_run_stand() -> None:
    latency = replace(bench(0).metrics["latency"], void={"p99": Void("late", "The generator sent late.")})
    trend = only_trend([*(bench(number) for number in range(4)), bench(4, trusted=False, metrics={"latency": latency})])
    places = {metric.name: metric.lines[0].places for metric in trend.metrics}
    assert places == {"latency_p50": (0, 1, 2, 3, 4), "latency_p99": (0, 1, 2, 3)}


def test_each_branch_has_a_line_of_its_own_and_the_largest_comes_first() -> None:
    runs = [bench(number, branch="topic" if number % 3 == 0 else "main") for number in range(9)]
    lines = only_trend(runs).metrics[0].lines
    assert [(line.branch, line.places) for line in lines] == [("main", (1, 2, 4, 5, 7, 8)), ("topic", (0, 3, 6))]


def test_a_change_point_names_the_first_run_of_the_new_level_and_its_direction() -> None:
    values = [2.0, 2.01, 1.99] * 5 + [3.0, 3.01, 2.99] * 5 + [2.0, 2.01, 1.99] * 5
    metric = only_trend([bench(number, value) for number, value in enumerate(values)]).metrics[0]
    assert [(change.place, change.judgement) for change in metric.changes] == [
        (15, Judgement.WORSE),
        (30, Judgement.BETTER),
    ]


def test_only_the_newest_runs_are_shown() -> None:
    trend = only_trend([bench(number) for number in range(MOST_RUNS + 10)])
    assert (len(trend.runs), trend.older, trend.runs[0].id) == (MOST_RUNS, 10, "run-0010")


def test_the_index_links_each_point_and_each_change_to_the_page_of_its_run(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for number, value in enumerate([2.0, 2.01, 1.99] * 5 + [3.0, 3.01, 2.99] * 3):
        folder = RunDir(tmp_path / "runs" / f"run-{number:04}")
        folder.path.mkdir(parents=True)
        folder.write(bench(number, value))
        folder.page.write_text("page")
    page = write_index(store).read_text(encoding="utf-8")
    assert "Change points, newest first" in page
    assert unescape(page).count('<a href="run-0015/page.html">000000000</a>') == 0
    assert page.count('<a href="run-0015/page.html">00000000f</a>') >= 2
    assert page.count('<a href="run-0003/page.html" tabindex="-1"><circle') == 2
    assert "Worse on main: from 2 ms to 3 ms (+50.0 %)." in page


def test_a_point_of_a_run_without_a_page_leads_nowhere() -> None:
    page = index_page(stored([bench(number) for number in range(5)]))
    assert "<circle" in page
    assert "tabindex" not in page.partition("<details>")[0]


def test_screen_readers_tell_the_trends_of_two_machines_apart() -> None:
    slow_machine = MACHINE | {"cpu": "Slow One"}
    page = index_page(stored([bench(number, machine=slow_machine if number % 2 else MACHINE) for number in range(8)]))
    assert page.count('<section aria-labelledby="t1 s1 m1">') == 1
    assert page.count('<section aria-labelledby="t2 s2 m2">') == 1
    assert '<span id="m1">Slow One, 4 cores, 8 GiB, x86_64</span>' in page
    assert '<span id="m2">Quick One, 4 cores, 8 GiB, x86_64</span>' in page


def test_processes_that_write_runs_at_once_do_not_clash(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from wsproof.report.store.runs import RunStore; "
        "store = RunStore(Path(sys.argv[1])); "
        "[store.new_run('bench', {'branch': 'main', 'sha': 'abc'}) for _ in range(20)]"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(300) for process in processes] == [0, 0]
    store = RunStore(tmp_path)
    assert len(store.runs()) == 40
    assert store.find("latest") in store.runs()
    assert not list(tmp_path.glob(".latest-*"))


def test_a_date_stands_once_on_the_axis() -> None:
    page = index_page(stored([bench(number * 400) for number in range(8)]))
    chart = page[page.index("<svg") : page.index("</svg>")]
    assert [chart.count(f">2026-11-0{day}<") for day in (1, 2)] == [1, 1]


def test_summaries_come_from_the_cache_until_the_record_changes(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = store.new_run("bench", samples.GIT)
    folder.write(bench(0, 2.0))
    first = read_summaries(store)
    assert (tmp_path / "runs" / ".summaries.json").is_file()
    assert read_summaries(store) == first
    folder.write(bench(0, 4.0))
    (changed,) = read_summaries(store)
    assert changed.summary is not None
    assert changed.summary.figures["latency_p50"].value == 4e6


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "runs": []}', "damaged"])
def test_a_damaged_cache_is_made_anew(text: str, tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.new_run("bench", samples.GIT).write(bench(0))
    known = read_summaries(store)
    cache = tmp_path / "runs" / ".summaries.json"
    intact = cache.read_text()
    cache.write_text(intact.replace('"figures"', '"other"') if text == "damaged" else text)
    assert read_summaries(store) == known
    assert cache.read_text() == intact

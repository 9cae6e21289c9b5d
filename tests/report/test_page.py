"""Tests of the HTML page: it answers the questions, loads and runs nothing, and escapes server text."""

from __future__ import annotations

import base64
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.report import samples
from tests.report.samples import GIT, HOSTILE, TARGET, violation
from wsproof import RunRecord, Verdict
from wsproof.model.comparison import Judgement
from wsproof.model.finding import observed
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.report.charts.series import series_of
from wsproof.report.formats.index_page import index_page, write_index
from wsproof.report.formats.page import comparison_page, run_page
from wsproof.report.store.runs import RunStore
from wsproof.stats.metrics import summaries

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A parsed page: its elements, its text, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.style = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.words += f"{data} "

    @property
    def text(self) -> str:
        return " ".join(self.words.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def full_record(**changes: Any) -> RunRecord:
    measurement = samples.measurement(subscribers=20, seconds=10)
    check = samples.suite_report(*changes.pop("findings", (violation(), samples.deviation())))
    values = {
        "metrics": summaries(measurement),
        "series": series_of(measurement),
        "check": check,
        "verdict": Verdict.INVALID,
    }
    return samples.record(**(values | changes))


@pytest.fixture(scope="module")
def text() -> str:
    return run_page(full_record())


def every_page() -> list[str]:
    return [run_page(full_record()), comparison_page(samples.comparison(findings=(violation(),))), index_page([])]


def test_the_four_questions_are_answered_at_the_top(text: str) -> None:
    page = Page(text)
    answers = [
        page.text.index(word)
        for word in (
            "Does it speak the protocol, whatever a client sends? ✓ yes 2 checks",
            "Does every subscriber get every message, once, in order? ✗ 1 violation After member 2",
            "How long until the last of all subscribers has it? ✓",
            "Did this branch make any of that worse? – not asked",
            "Figures",
        )
    ]
    assert answers == sorted(answers)


def test_findings_show_their_witness_and_accepted_ones_their_reason(text: str) -> None:
    page = Page(text)
    assert "3 <- nothing for 5.0 s, a message was expected" in page.text
    assert str(samples.deviation().accepted) in page.text


def test_a_page_says_how_to_repeat_the_run(text: str) -> None:
    assert "git checkout 8f38fc848f3c" in text
    assert "wsproof bench target_app.main:app --server uvicorn --workload chat --subscribers 100" in text


def test_a_page_loads_no_resource_and_runs_no_script() -> None:
    for text in every_page():
        page = Page(text)
        for tag in ("script", "link", "img", "iframe", "object", "form", "base", "image", "use"):
            assert not page.all(tag)
        for _, attributes in page.elements:
            assert not any(name.startswith("on") or name in ("src", "style") for name in attributes)
            assert not (attributes.get("href") or "").startswith(("http", "//", "javascript", "data"))
        assert "url(" not in page.style
        assert "@import" not in page.style


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    for text in every_page():
        page = Page(text)
        policy = next(
            attributes["content"]
            for attributes in page.all("meta")
            if attributes.get("http-equiv") == "Content-Security-Policy"
        )
        digest = base64.b64encode(sha256(page.style.encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_pages_are_accessible_to_screen_readers() -> None:
    for text in every_page():
        page = Page(text)
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("h1")) == 1
        assert all(header.get("scope") for header in page.all("th"))
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for drawing in page.all("svg"):
            named = (drawing["aria-labelledby"] or "").split()
            assert drawing["role"] == "img"
            assert len(named) == 2
            assert set(named) <= set(ids)
        for _, attributes in page.elements:
            assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_a_full_page_has_all_its_charts_and_is_small(text: str) -> None:
    page = Page(text)
    for title in ("Latency by percentile", "Latency over the window", "Time to last", "Deliveries per second"):
        assert title in page.text
    for title in ("Server CPU", "Server memory", "Generator CPU", "Schedule slip"):
        assert title in page.text
    assert len(page.all("svg")) == 8
    assert len(text) < 500_000


def test_a_page_stays_small_with_any_text_of_the_server() -> None:
    flood = [violation(check=f"c{i}", explanation="x" * 50_000, witness=("y" * 9_000,) * 200) for i in range(100)]
    text = run_page(full_record(findings=tuple(flood)))
    assert len(text) < 5_000_000
    assert "and 40 more" in text
    assert "more characters" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_shown_and_not_interpreted(hostile: str) -> None:
    finding = violation(
        check=hostile, section=hostile, explanation=hostile, witness=(hostile,), replay=hostile, source=hostile
    )
    facts = {"spec": hostile, "url": hostile, "server": hostile, hostile: hostile}
    known = violation(check="k", accepted=hostile, explanation=hostile, section=hostile)
    record = full_record(
        findings=(finding, known),
        target=facts,
        git=GIT | {"branch": hostile, "describe": hostile},
        warnings=(samples.caution(message=hostile, advice=hostile),),
    )
    quiet = full_record()
    comparison = samples.comparison(findings=(finding, known), base={"ref": hostile}, order=hostile)
    for text in (run_page(record), comparison_page(comparison)):
        text.encode()
        assert not set(text) & {"\x00", "\x1b", "\x07", "\x9b", "\u202e"}
        page = Page(text)
        assert {tag for tag, _ in page.elements} <= {tag for tag, _ in Page(run_page(quiet)).elements} | {
            "br",
            "details",
        }
        assert "7*7" in page.text or "{{" not in hostile
        for markup in ("<script>alert", "<img src=x"):
            assert markup not in text


def test_a_nearly_empty_record_has_a_page() -> None:
    page = Page(run_page(RunRecord("id", "bench", "2026-11-22T10:41:52Z")))
    assert "incomplete" in page.text
    assert page.text.count("not asked") == 4


def test_an_untrusted_measurement_is_marked_at_the_top() -> None:
    page = Page(run_page(samples.record(trusted=False, warnings=(samples.caution(),))))
    assert "? untrusted" in page.text
    assert "The generator used 93 %" in page.text
    assert "? valid, not trusted" in page.text


def test_a_void_figure_is_marked_on_the_page_with_its_reason() -> None:
    html = run_page(samples.partly_void())
    assert "8.28 ms ?</span>" in html
    assert "Without the load generator&#39;s part: 2.1 ms." in html
    page = Page(html)
    assert "? trusted in part" in page.text
    assert "These figures are void, the others stand: latency p99." in page.text
    assert "✓ valid No promise was broken. 1 figure marked as void" in page.text


@pytest.mark.parametrize("judgement", Judgement)
def test_a_comparison_of_each_verdict_has_a_page(judgement: Judgement) -> None:
    page = Page(comparison_page(samples.comparison(judgement)))
    assert judgement.value.replace("-", " ") in page.text
    assert "+21.0 % … +30.0 %" in page.text
    assert len(page.all("svg")) == 1


def test_a_comparison_without_any_ratio_has_a_page_without_a_plot() -> None:
    assert not Page(comparison_page(samples.comparison(Judgement.UNPAIRED, metrics=()))).all("svg")


def test_the_index_groups_runs_by_branch_and_lists_damaged_ones(tmp_path: Path) -> None:
    store = RunStore.open(tmp_path / "out")
    for branch in ("main", "topic", "main"):
        folder = store.new_run("bench", GIT | {"branch": branch})
        folder.write(samples.record(id=folder.id, git=GIT | {"branch": branch}))
    damaged = store.new_run("bench", GIT)
    (damaged.path / "run.json").write_text("{")
    store.new_comparison("main", "topic").write(samples.comparison())
    index = write_index(store)
    page = Page(index.read_text(encoding="utf-8"))
    assert page.text.count("✓ valid") == 3
    assert f"{damaged.id} ? unreadable" in page.text
    assert "✗ worse" in page.text
    links = [index.parent / (link["href"] or "") for link in page.all("a")]
    assert len(links) == 4
    assert all(link.resolve().is_file() for link in links)


def test_pages_of_one_app_on_several_servers_have_different_titles(tmp_path: Path) -> None:
    store = RunStore.open(tmp_path / "out")
    for server in ("uvicorn-wsproto", "hypercorn"):
        folder = store.new_run("bench", GIT)
        folder.write(samples.record(id=folder.id, target=TARGET | {"server": server}))
        text = run_page(folder.read())
        assert f"target_app.main:app ({server}) – wsproof bench</title>" in text
        assert f"<h1>target_app.main:app ({server}) on main</h1>" in text
    index = write_index(store).read_text(encoding="utf-8")
    assert "<td>target_app.main:app (uvicorn-wsproto)</td>" in index
    assert "<td>target_app.main:app (hypercorn)</td>" in index
    url = samples.record(target={"kind": "url", "spec": "ws://127.0.0.1:1/", "server": None})
    assert "<h1>ws://127.0.0.1:1/ on main</h1>" in run_page(url)


def test_an_empty_store_has_an_index_with_a_first_command(tmp_path: Path) -> None:
    assert "wsproof run" in write_index(RunStore.open(tmp_path / "none")).read_text(encoding="utf-8")


def test_unreproduced_findings_are_shown_separately_and_keep_the_verdict_valid() -> None:
    page = Page(run_page(samples.record(verdict=Verdict.VALID, findings=(observed(violation(reproduced="0 of 3")),))))
    assert "Observations Seen, not reproduced, and not counted." in page.text
    assert "No finding counts." in page.text


def test_the_page_of_a_load_with_several_workloads_has_the_charts_of_each() -> None:
    measured = samples.measurement(subscribers=20, seconds=4)
    rooms = tuple(
        WorkloadLoad(name, 20, 20.0, 80, Verdict.VALID, summaries(measured), series=series_of(measured))
        for name in ("chat", "echo")
    )
    page = Page(run_page(samples.record(command="load", metrics={}, load=LoadSummary(rooms))))
    for name in ("chat", "echo"):
        assert f"{name}: Latency by percentile" in page.words
        assert f"{name}: Deliveries per second" in page.words
    identities = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(identities) == len(set(identities))


def test_the_command_in_an_answer_is_shown_as_code() -> None:
    page = run_page(full_record())
    assert "<code>wsproof compare" in page
    assert "`wsproof" not in page

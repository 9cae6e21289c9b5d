"""Tests of members that are prepared before they connect."""

from __future__ import annotations

import pytest

from tests.delivery.test_conversing import APP, OPTIONS
from tests.load.conftest import small_plan
from tests.workloads.apps.conversing_channels import Conversing
from wsproof import JoinRefused, Measurement, TargetError, Verdict
from wsproof.delivery import run_suite
from wsproof.load import run_plan
from wsproof.model.history import Departure
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import opening_of, prepared


class Prepared(Conversing):
    """A channel whose members must be prepared before their path is read."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: dict[int, str] = {}
        self.refused = False

    def prepare(self, member: int, url: str) -> None:
        if self.refused:
            raise JoinRefused("no account")
        assert member not in self.urls
        self.urls[member] = url

    def headers(self, member: int) -> dict[str, str]:
        return {"X-Prepared": self.urls[member]}


def test_a_workload_prepares_its_members_only_if_it_defines_prepare() -> None:
    assert not Conversing().has_prepare
    workload = Prepared()
    assert workload.has_prepare
    assert prepared(workload, 3, "http://host:1") == ""
    assert workload.urls == {3: "http://host:1"}
    workload.refused = True
    assert prepared(workload, 4, "http://host:1") == "could not be prepared: no account"


@pytest.mark.parametrize("check", ["order", "long-lived-listeners", "message-size-limit"])
def test_the_delivery_suite_prepares_each_member_once(check: str) -> None:
    workload = Prepared()
    with serve(parse_target(APP, path="/")) as server:
        report = run_suite(server, {"conversing": workload}, OPTIONS.but(only=(f"conversing.{check}",)))
        assert set(workload.urls.values()) == {f"http://127.0.0.1:{server.endpoint.port}"}
    assert report.verdict() is Verdict.VALID


def test_members_that_cannot_be_prepared_leave_the_channel_unknown() -> None:
    workload = Prepared()
    workload.refused = True
    with serve(parse_target(APP, path="/")) as server:
        report = run_suite(server, {"conversing": workload}, OPTIONS.but(only=("conversing.order",)))
    assert report.verdict() is Verdict.UNKNOWN
    assert "could not be prepared: no account" in report.findings[0].explanation


def test_the_opening_of_the_protocol_suite_is_prepared() -> None:
    workload = Prepared()
    opening = opening_of({"conversing": workload}, "/")
    assert opening is not None
    assert opening.prepare("http://host:1") == ""
    assert opening.headers == {"X-Prepared": "http://host:1"}


def test_the_load_engine_prepares_its_members() -> None:
    assert {member.departure for member in load("prepared").history.members} == {Departure.STAYED}


def test_a_run_whose_members_cannot_be_prepared_reports_the_reason() -> None:
    with pytest.raises(TargetError, match="a member could not be prepared: no account") as caught:
        load("refusing")
    assert "Is the server running" not in str(caught.value)


def load(workload: str) -> Measurement:
    plan = small_plan(workload, subscribers=3, rate_hz=20.0)
    with serve(parse_target(APP, path="/")) as server:
        return run_plan(plan, channels="tests.workloads.test_preparation", settings={}, endpoint=server.endpoint)


class OfTheEngine(Prepared):
    name = "prepared"

    def __init__(self, settings: dict[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__()
        self.base = base


class Refusing(OfTheEngine):
    name = "refusing"

    def prepare(self, member: int, url: str) -> None:
        raise JoinRefused("no account")


WORKLOADS = [OfTheEngine, Refusing]

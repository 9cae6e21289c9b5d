"""Tests of `--set KEY=VALUE`, and of the values that a started server gets from it."""

import pytest

from wsproof import UsageError
from wsproof.workloads import environment_of, load_channels, parse_settings


def test_a_setting_may_hold_equals_signs_in_its_value() -> None:
    assert parse_settings(["a.b=1", "c.d=x=y"]) == {"a.b": "1", "c.d": "x=y"}


@pytest.mark.parametrize("pair", ["dashboard.period", "=1", ""])
def test_a_setting_without_key_or_value_is_refused_with_an_example(pair: str) -> None:
    with pytest.raises(UsageError, match=r"dashboard\.period=0\.1"):
        parse_settings([pair])


def test_the_period_reaches_a_started_server() -> None:
    workloads = load_channels("tutorial", {"dashboard.period": "0.25"})
    assert environment_of(workloads) == {"TARGET_APP_DASHBOARD_PERIOD": "0.25"}

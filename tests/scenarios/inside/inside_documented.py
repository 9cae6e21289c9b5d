"""Tests that each locustfile in docs/how-to/locust.md has the classes that it shows, and that Locust picks these."""

from __future__ import annotations

import re
from typing import Any

import pytest
from locust.user.users import User
from locust.util.load_locustfile import is_shape_class, is_user_class

from tests.forked import ROOT
from wsproof.locust import ChannelUser, reference
from wsproof.locust.options import ALSO_WITHOUT_PREFIX, PREFIX
from wsproof.locust.registry import workload_of
from wsproof.locust.session import session_of
from wsproof.session.option import options_in
from wsproof.session.options import IN_LOCUST, LocustOptions

GUIDE = (ROOT / "docs" / "how-to" / "locust.md").read_text(encoding="utf-8")
FILES = [file for file in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "\nclass " in file]


@pytest.mark.parametrize("file", FILES)
def test_a_locustfile_of_the_guide_has_what_it_shows(file: str) -> None:
    module: dict[str, Any] = {"__name__": "locustfile"}
    exec(file, module)
    picked = {name for name, one in module.items() if is_user_class(one) or is_shape_class(one)}
    assert picked == set(re.findall(r"^class (\w+)", file, re.MULTILINE))
    users = [module[name] for name in picked if issubclass(module[name], User)]
    assert all(one.tasks for one in users)


def test_the_guide_names_all_behaviours_and_shapes() -> None:
    from wsproof import locust
    from wsproof.locust import shapes

    named = [*locust.__all__, *(name for name, one in vars(shapes).items() if getattr(one, "abstract", None))]
    assert {name for name in named if name not in GUIDE} == {"LoadTestShape"}


def test_the_guide_names_all_options() -> None:
    described = options_in(LocustOptions)
    flags = [described[name].arguments(name, "" if name in ALSO_WITHOUT_PREFIX else PREFIX)[0][0] for name in IN_LOCUST]
    table = GUIDE.partition("## Options")[2]
    assert [flag for flag in flags if not re.search(rf"`{flag}\b", table)] == []


@pytest.mark.parametrize("name", reference.__all__)
def test_the_reference_servers_channels_have_users(name: str) -> None:
    kind = getattr(reference, name)
    assert is_user_class(kind)
    assert issubclass(kind, ChannelUser)
    environment: Any = type("Environment", (), {"parsed_options": None})()
    session_of(environment)
    assert workload_of(environment, kind).name == name.removesuffix("User").lower()

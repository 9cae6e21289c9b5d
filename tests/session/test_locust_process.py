"""Tests of the Locust process that `wsproof load` starts, without starting it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wsproof.session.locust_process import web_page


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        ((), "http://localhost:8089"),
        (("--spawn-rate", "50"), "http://localhost:8089"),
        (("--web-port", "9000"), "http://localhost:9000"),
        (("-P", "9000", "--web-host", "127.0.0.1"), "http://127.0.0.1:9000"),
        (("--web-host=*",), "http://localhost:8089"),
        (("--tls-cert", "cert.pem"), "https://localhost:8089"),
        (("--headless",), None),
        (("--autostart",), None),
    ],
)
def test_the_address_of_the_page_follows_the_arguments_of_locust(
    monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], page: str | None
) -> None:
    for variable in ("LOCUST_WEB_HOST", "LOCUST_WEB_PORT", "LOCUST_TLS_CERT"):
        monkeypatch.delenv(variable, raising=False)
    assert web_page(arguments) == page


def test_the_address_of_the_page_follows_the_environment_of_locust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_WEB_PORT", "9001")
    assert web_page(()) == "http://localhost:9001"

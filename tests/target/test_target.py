from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wsproof import UsageError
from wsproof.net.endpoint import Endpoint
from wsproof.target.target import Target, TargetKind, parse_target

BASE = Endpoint("127.0.0.1", 8000)


def reference(folder: Path) -> Path:
    (folder / "target_app").mkdir(parents=True)
    (folder / "target_app" / "main.py").touch()
    return folder


class TestNoTarget:
    def test_no_target_means_the_reference_server_also_below_the_checkout(self, tmp_path: Path) -> None:
        root = reference(tmp_path)
        below = root / "a" / "b"
        below.mkdir(parents=True)
        target = parse_target(None, cwd=below)
        assert (target.kind, target.app, target.path) == (TargetKind.REFERENCE, "target_app.main:app", "/ws")
        assert target.cwd == root
        assert target.python == sys.executable

    @pytest.mark.parametrize("spec", [None, ""])
    def test_outside_the_checkout_a_missing_target_is_an_error_with_advice(
        self, tmp_path: Path, spec: str | None
    ) -> None:
        with pytest.raises(UsageError, match=r"no TARGET was given[\s\S]*ws://127.0.0.1:8000/ws.*pkg.module:app.*cmd:"):
            parse_target(spec, cwd=tmp_path)

    def test_the_search_stops_at_the_root_of_a_repository(self, tmp_path: Path) -> None:
        reference(tmp_path)
        (tmp_path / "other" / ".git").mkdir(parents=True)
        with pytest.raises(UsageError):
            parse_target(None, cwd=tmp_path / "other")


class TestUrls:
    def test_path_and_query_are_kept(self) -> None:
        target = parse_target("wss://localhost/a/b?c=d")
        assert (target.kind, target.url, target.path) == (TargetKind.URL, "wss://localhost/a/b?c=d", "/a/b?c=d")
        assert not target.is_ours

    def test_a_token_in_the_query_is_a_secret_everywhere(self) -> None:
        target = parse_target("ws://localhost:1/ws?token=sesame")
        assert target.secrets == ("sesame", "sesame")
        assert "sesame" not in f"{target!r} {target.describe()}"

    def test_the_path_option_overrides_the_path_of_the_target(self) -> None:
        assert parse_target("ws://localhost:1/a", path="b").url == "ws://localhost:1/b"

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]", "app.localhost", "0.0.0.0"])
    def test_loopback_needs_no_permission(self, host: str) -> None:
        assert parse_target(f"ws://{host}:1").kind is TargetKind.URL

    @pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "[2001:db8::1]", "localhost.example.org", "128.0.0.1"])
    def test_a_host_beyond_loopback_needs_remote(self, host: str) -> None:
        with pytest.raises(UsageError, match="add --remote"):
            parse_target(f"ws://{host}/")
        assert parse_target(f"ws://{host}/", remote=True).remote

    def test_user_and_password_become_a_header_and_leave_the_address(self) -> None:
        target = parse_target("ws://ann:s%40lt@localhost:1/ws")
        assert target.headers == (("Authorization", "Basic YW5uOnNAbHQ="),)
        assert "s@lt" not in f"{target} {target.url} {target.describe()}"
        assert "YW5uOnNAbHQ=" in target.secrets

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("http://localhost/", "begins with ws:// or wss://"),
            ("ws://", "names no host"),
            ("ws://localhost:70000/", "not a URL"),
            ("ws://localhost:0/", "port 0"),
            ("ws://localhost/a#b", "fragment"),
        ],
    )
    def test_an_invalid_websocket_url_is_an_error(self, url: str, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            parse_target(url)

    def test_options_for_starting_a_server_do_not_fit_a_url(self) -> None:
        with pytest.raises(UsageError, match="--server"):
            parse_target("ws://localhost/", server="granian")
        with pytest.raises(UsageError, match="--env"):
            parse_target("ws://localhost/", env=["A=b"])


class TestApps:
    def test_an_app_is_recognised_by_its_form_and_has_no_path_yet(self, tmp_path: Path) -> None:
        target = parse_target("shop.asgi:app.inner", cwd=tmp_path)
        assert (target.kind, target.app, target.path) == (TargetKind.ASGI, "shop.asgi:app.inner", None)
        assert target.endpoint(BASE).path == "/"

    def test_the_reference_app_has_its_path_when_given_by_name(self) -> None:
        target = parse_target("target_app.main:app")
        assert (target.kind, target.path) == (TargetKind.ASGI, "/ws")
        assert parse_target("target_app.naive:app").path is None

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ("shop.asgi", "did you mean shop.asgi:app?"),
            ("shop/asgi.py", "did you mean shop.asgi:app?"),
            ("localhost:8000", "did you mean ws://localhost:8000?"),
            ("a b", "is not a target; write one of"),
        ],
    )
    def test_a_mistyped_target_gets_a_hint(self, spec: str, words: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse_target(spec)
        assert words in str(caught.value)


class TestCommands:
    def test_the_command_is_split_without_a_shell(self) -> None:
        target = parse_target("cmd:./serve 'a b' $HOME --port {port}", ready="ws://127.0.0.1:{port}/chat")
        assert target.command == ("./serve", "a b", "$HOME", "--port", "{port}")
        assert (target.kind, target.path) == (TargetKind.COMMAND, "/chat")

    def test_the_secrets_of_a_command_are_redacted(self) -> None:
        target = parse_target("cmd:./serve --token sesame --port {port}", ready="ws://127.0.0.1:{port}/?key=sesame")
        assert target.command[2] == "sesame"
        assert "sesame" not in f"{target!r} {target.describe()}"
        assert target.spec == "cmd:./serve --token '[redacted]' --port {port}"

    def test_the_path_of_a_health_url_is_not_the_path_of_the_target(self) -> None:
        target = parse_target("cmd:./serve {port}", ready="http://127.0.0.1:{port}/health")
        assert target.path == "/"

    @pytest.mark.parametrize(
        ("spec", "ready", "words"),
        [
            ("cmd:./serve", None, "needs --ready"),
            ("cmd:", "ws://127.0.0.1:1/", "is empty"),
            ("cmd:./serve 'a", "ws://127.0.0.1:1/", "Check its quotes"),
            ("cmd:./serve {port}", "ws://127.0.0.1:8000/", "must contain it too"),
            ("cmd:./serve", "ws://10.0.0.1:8000/", "--remote"),
            ("cmd:./serve", "ftp://127.0.0.1:8000/", "begins with"),
            ("shop:app", "ws://127.0.0.1:8000/", "--ready belongs to a cmd: target"),
        ],
    )
    def test_options_that_do_not_fit_the_target_are_errors(self, spec: str, ready: str | None, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            parse_target(spec, ready=ready)


class TestOptions:
    def test_options_reach_the_endpoint(self) -> None:
        target = parse_target(
            "shop:app",
            path="/ws",
            headers=["X-A: 1", "X-A:2"],
            subprotocols=["v1"],
            origin="http://o",
            token="t0k",
            insecure=True,
        )
        endpoint = target.endpoint(BASE)
        assert endpoint.headers == (("X-A", "1"), ("X-A", "2"), ("Authorization", "Bearer t0k"))
        assert (endpoint.path, endpoint.subprotocols, endpoint.origin) == ("/ws", ("v1",), "http://o")
        assert endpoint.insecure

    def test_secrets_are_in_no_description_and_in_no_record(self) -> None:
        target = parse_target(
            "shop:app",
            env=["API_TOKEN=sesame1", "MODE=test"],
            headers=["Cookie: sid=sesame2", "X-Key: sesame5"],
            subprotocols=["bearer", "sesame3"],
            token="sesame4",
        )
        descriptions = f"{target!r} {target.describe()} {target.endpoint(BASE)!r}"
        assert "sesame" not in descriptions
        assert target.describe()["env"]["MODE"] == "test"
        assert {"sesame1", "sesame3", "sesame4", "sesame5"} <= set(target.secrets)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"headers": ["nocolon"]}, "--header 'Name: value'"),
            ({"headers": ["Bad Name: x"]}, "--header 'Name: value'"),
            ({"headers": ["A: b\r\nC: d"]}, "printable ASCII"),
            ({"token": "ä"}, "printable ASCII"),
            ({"env": ["NOVALUE"]}, "--env NAME=VALUE"),
            ({"env": ["=x"]}, "--env NAME=VALUE"),
        ],
    )
    def test_an_unsendable_header_is_an_error(self, options: dict[str, object], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            parse_target("shop:app", **options)  # type: ignore[arg-type]

    def test_a_metrics_url_gets_its_own_secrets_and_no_others(self) -> None:
        def target_with_metrics(url: str, token: str | None = None) -> Target:
            return parse_target("shop:app", token="sesame1", metrics_url=url, metrics_token=token)

        plain, named = (
            target_with_metrics("http://localhost:9/metrics"),
            target_with_metrics("https://ada:sesame2@localhost/m?key=sesame3"),
        )
        with_token = target_with_metrics("http://localhost:9/metrics", "sesame4")
        assert plain.metrics is not None
        assert plain.metrics.headers == ()
        assert named.metrics is not None
        assert [name for name, _ in named.metrics.headers] == ["Authorization"]
        assert with_token.metrics is not None
        assert with_token.metrics.headers == (("Authorization", "Bearer sesame4"),)
        assert "sesame3" in named.secrets
        assert "sesame4" in with_token.secrets
        for target in (plain, named, with_token):
            assert target.endpoint(BASE).headers == (("Authorization", "Bearer sesame1"),)
            assert "sesame" not in f"{target!r} {target.metrics!r} {target.describe()}"
        assert plain.describe()["metrics_url"] == "http://localhost:9/metrics"
        assert named.describe()["metrics_url"] == "https://localhost/m?key=[redacted]"

    @pytest.mark.parametrize(
        ("url", "token", "words"),
        [
            ("file:///etc/passwd", None, "--metrics-url: expected a URL that begins with http:// or https://"),
            ("ftp://localhost/metrics", None, "http:// or https://"),
            ("localhost:9090/metrics", None, "http:// or https://"),
            ("http:///metrics", None, "names no host"),
            ("http://localhost:99999/metrics", None, "not a URL"),
            ("http://shop.example/metrics", None, "shop.example is not this machine.*--remote"),
            ("http://u:p@localhost/metrics", "t", "leave out --metrics-token"),
            ("http://localhost/metrics", "a\r\nb", "printable ASCII"),
            (None, "t", "--metrics-token needs --metrics-url"),
        ],
    )
    def test_an_unusable_metrics_url_is_refused_before_anything_starts(
        self, url: str | None, token: str | None, words: str
    ) -> None:
        with pytest.raises(UsageError, match=words):
            parse_target("shop:app", metrics_url=url, metrics_token=token)

    def test_with_remote_the_metrics_url_may_be_on_another_host(self) -> None:
        assert parse_target("shop:app", metrics_url="https://shop.example/metrics", remote=True).metrics is not None

    def test_a_target_can_be_copied_with_another_environment_and_path(self) -> None:
        target: Target = parse_target("shop:app", env=["A=1"]).with_env({"A": "2"}).but(path="/x")
        assert (dict(target.env), target.path) == ({"A": "2"}, "/x")

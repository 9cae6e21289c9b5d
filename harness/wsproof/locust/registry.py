"""The workload runs of one test, one per user class.

A run is created when its first user joins, and checked when the test stops.
"""

from __future__ import annotations

from typing import Any

from locust.runners import WorkerRunner

from wsproof.errors import UsageError
from wsproof.locust import options
from wsproof.locust.member_ids import first_number, ids_of_test, share_of
from wsproof.locust.session import session_of
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model import reference_server
from wsproof.model.member_ids import MemberIds
from wsproof.workloads import Workload, load_channels
from wsproof.workloads.registry import made


def channels_of(environment: Any) -> str:
    """The name of the channels: `--ws-channels`, else those of `wsproof load`, else those of FastAPI's tutorial."""
    option = options.options_of(environment, None).channels
    return option or session_of(environment).handed.channels or reference_server.CHANNELS


def workload_of(environment: Any, user_class: Any, base: int = 1) -> Workload:
    """The workload of a user class: its `channel`, or the workload of the channels that it names.

    Raises:
        UsageError: there is no such workload, or it does not have such a setting.
    """
    settings, rooms = options.settings_of(environment), options.options_of(environment, None).rooms
    kind = user_class.channel
    if kind is not None:
        own = {key: value for key, value in settings.items() if key.startswith(f"{kind.name}.")}
        return made(kind, own | _rooms(kind, rooms), base=base)
    workloads = load_channels(channels_of(environment), settings, base=base)
    if rooms is not None:
        settings |= {
            key: value for workload in workloads.values() for key, value in _rooms(type(workload), rooms).items()
        }
        workloads = load_channels(channels_of(environment), settings, base=base)
    if user_class.workload_name not in workloads:
        raise UsageError(
            f"{user_class.__name__} speaks the workload {user_class.workload_name!r}, but these channels have "
            f"{', '.join(workloads)}. Name another in its workload_name, or other channels with --ws-channels."
        )
    return workloads[user_class.workload_name]


def _rooms(kind: type[Workload], rooms: int | None) -> dict[str, str]:
    """The setting of `--ws-rooms` for a workload; empty if it has no such setting."""
    return {} if rooms is None or "rooms" not in kind.parameters else {f"{kind.name}.rooms": str(rooms)}


def run_of(environment: Any, user_class: Any) -> WorkloadRun | None:
    """The workload run of a room class in this test. None if it has no target, or the test has ended."""
    share = share_of(environment)  # may block; the code below must not, or two users of a class would create two runs
    session = session_of(environment)
    if url_of(environment, user_class) is None:
        return None
    if user_class not in session.runs:
        run = session.runs[user_class] = make_run(environment, user_class, share)
        if session.rate_factor != 1:
            run.publisher.set_rate_factor(session.rate_factor)
        pass_spawned_counts(environment)
    run = session.runs[user_class]
    return None if run.recorder.end_ns else run  # Locust still spawns users while a stopped test drains


def pass_spawned_counts(environment: Any) -> None:
    """Tell the runs how many users each class has, once Locust has spawned all."""
    session = session_of(environment)
    if session.spawned is not None:
        for user_class, run in session.runs.items():
            run.ramp.all_spawned(sum(session.spawned.get(name, 0) for name in _names_in_ramp(environment, user_class)))


def _names_in_ramp(environment: Any, room_class: Any) -> list[str]:
    """The names of the classes whose users the measured window of a run waits for."""
    in_room = [each for each in channel_classes(environment) if each.room_class() is room_class]
    return [each.__name__ for each in in_room if not each.has_slow_start]


def channel_classes(environment: Any) -> list[Any]:
    """The picked classes whose users are members of a channel."""
    return [each for each in environment.user_classes if hasattr(each, "room_class")]


def room_classes(environment: Any) -> list[Any]:
    """The classes that have a workload run each. One whose users others join need not be picked itself."""
    return list(dict.fromkeys(each.room_class() for each in channel_classes(environment)))


def target_of(environment: Any, user_class: Any) -> str:
    """The name of the target of a user class: Locust's host, else that of the class; "" is the reference server."""
    return environment.host or user_class.host or ""


def url_of(environment: Any, user_class: Any) -> str | None:
    """The ws:// URL of a user class's target; None if it is neither started nor reached."""
    target = target_of(environment, user_class)
    return session_of(environment).urls.get(target) or as_url(target)


def as_url(target: str) -> str | None:
    """The ws:// URL that a target is, without a path; None if it is no URL. `http` is taken as `ws`."""
    scheme, slashes, rest = target.partition("://")
    if slashes and scheme in ("ws", "wss", "http", "https"):
        return f"{scheme.replace('http', 'ws')}://{rest}".rstrip("/")
    return None


def others_on_server(environment: Any, user_class: Any) -> list[Any]:
    """The other room classes whose channels are of the same server. Perhaps it is the same channel."""
    url = url_of(environment, user_class)
    return [each for each in room_classes(environment) if each is not user_class and url_of(environment, each) == url]


def _name(user_class: Any) -> tuple[str, str]:
    return user_class.__name__, user_class.__module__


def make_run(environment: Any, user_class: Any, share: MemberIds) -> WorkloadRun:
    """Create the workload run of a room class. Its members have ids of the share that no other class has."""
    used = session_of(environment).used[user_class]
    # Two classes may be in one channel, also if their servers have different names.
    slot = sum(_name(each) < _name(user_class) for each in room_classes(environment))
    first = first_number(environment, share, slot) + used
    others = others_on_server(environment, user_class)
    has_strangers = any(workload_of(environment, each).contract.leaves for each in others)
    url = url_of(environment, user_class)
    assert url is not None
    options_of_test = options.options_of(environment, None)
    return WorkloadRun(
        environment,
        workload_of(environment, user_class, 1 + first),
        options.endpoint_of(environment, url),
        rate_hz=(options_of_test.rate or user_class.room_rate_hz) / session_of(environment).process_count,
        payload_bytes=options_of_test.payload or user_class.payload_bytes,
        speakers=options_of_test.speakers,
        first_publisher=first,
        alone=share.alone and not isinstance(environment.runner, WorkerRunner) and not used and not has_strangers,
        shared=isinstance(environment.runner, WorkerRunner),
        of_this_test=ids_of_test(environment),
        user_class=user_class.__name__,
    )

"""The locustfile that `wsproof load` runs: one user class per workload of `--ws-channels`."""

from __future__ import annotations

import sys

from locust.argument_parser import get_empty_argument_parser

from wsproof.locust import ChannelUser
from wsproof.locust.options import PREFIX
from wsproof.model import reference_server
from wsproof.session.locust_process import Handover
from wsproof.session.option import options_in
from wsproof.session.options import LocustOptions
from wsproof.workloads import load_channels


def user_class(workload_name: str) -> type[ChannelUser]:
    """Create the user class of a workload, named after it: chat -> ChatUser."""
    name = "".join(word.capitalize() for word in workload_name.replace("-", "_").split("_")) + "User"
    return type(name, (ChannelUser,), {"workload_name": workload_name, "abstract": False, "__module__": __name__})


def user_classes() -> dict[str, type[ChannelUser]]:
    """The user classes of all workloads of the channels, by class name."""
    classes = [user_class(name) for name in load_channels(channels(sys.argv[1:]))]
    return {user_class_of_workload.__name__: user_class_of_workload for user_class_of_workload in classes}


def channels(arguments: list[str]) -> str:
    """The name of the channels. Locust reads its arguments only after it has loaded this file."""
    parser = get_empty_argument_parser(add_help=False)
    flags, keywords = options_in(LocustOptions)["channels"].arguments("channels", PREFIX)
    parser.add_argument(*flags, **keywords)
    known_arguments, _ = parser.parse_known_args(arguments)
    named: str | None = known_arguments.ws_channels
    return named or Handover.from_environment().channels or reference_server.CHANNELS


# Locust inspects every name of this module, so a loop variable would add the last class a second time.
globals().update(user_classes())

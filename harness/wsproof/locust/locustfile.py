"""The locustfile that `wsproof load` runs by default: one user class per workload of `WSPROOF_CHANNELS`."""

from __future__ import annotations

import json
import os

from wsproof.locust import ChannelUser
from wsproof.locust.registry import CHANNELS, SETTINGS
from wsproof.model import reference_server
from wsproof.workloads import load_channels


def user_class(workload_name: str) -> type[ChannelUser]:
    """Create the user class of a workload, named after it: chat -> ChatUser."""
    name = "".join(word.capitalize() for word in workload_name.replace("-", "_").split("_")) + "User"
    return type(name, (ChannelUser,), {"workload_name": workload_name, "abstract": False, "__module__": __name__})


def user_classes() -> dict[str, type[ChannelUser]]:
    """The user classes of all workloads of the channels, by class name."""
    settings = json.loads(os.environ.get(SETTINGS, "{}"))
    classes = [
        user_class(name) for name in load_channels(os.environ.get(CHANNELS, reference_server.CHANNELS), settings)
    ]
    return {each.__name__: each for each in classes}


# Locust inspects every name of this module, so a loop variable would add the last class a second time.
globals().update(user_classes())

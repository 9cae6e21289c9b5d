"""One user class per workload of `WSPROOF_CHANNELS`: what `wsproof load` runs outside a checkout of wsproof."""

from __future__ import annotations

import json
import os

from wsproof.locust import ChannelUser
from wsproof.locust.registry import CHANNELS, SETTINGS
from wsproof.workloads import load_channels


def user_class(workload_name: str) -> type[ChannelUser]:
    """A user class for a workload, named after it: chat -> ChatUser."""
    name = "".join(word.capitalize() for word in workload_name.replace("-", "_").split("_")) + "User"
    return type(name, (ChannelUser,), {"workload_name": workload_name, "abstract": False, "__module__": __name__})


def user_classes() -> dict[str, type[ChannelUser]]:
    """One class for each workload of the channels, by its name."""
    settings = json.loads(os.environ.get(SETTINGS, "{}"))
    classes = [user_class(name) for name in load_channels(os.environ.get(CHANNELS, "tutorial"), settings)]
    return {each.__name__: each for each in classes}


# Locust looks at every name of this module: a loop variable would be a second name for the last class.
globals().update(user_classes())

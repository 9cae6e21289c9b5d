"""Locust users that verify delivery. Only this package imports Locust, since the import patches the whole process.

    # locustfile.py
    from wsproof.locust import ChannelUser

    class ChatUser(ChannelUser):
        workload_name = "chat"

Run it with `locust -f locustfile.py --host ws://127.0.0.1:8000`, or any other TARGET as `--host`. Users publish at
intended times, which do not wait for the server. Latency is measured from the intended times. When the test ends, the
history of each user class is checked against its contract. Each violation is a Locust failure.

A `WebSocketUser` has a client, `self.ws`, and tasks as every Locust user. Importing this module starts nothing: the
listeners do nothing unless one of these classes is picked, and the host of other classes stays as it is.

Several Locust workers (`--processes 2`) divide the rate of publications. When the test stops, the master judges the
users of all workers on one machine together (`joint_verdict.py`).
"""

from wsproof.locust.behaviours import Churner, LateJoiner, Lurker, ReturningUser, SlowReader, StalledReader
from wsproof.locust.client import ConnectionEnded, ReceiveTimeout
from wsproof.locust.listeners import install
from wsproof.locust.users import ChannelUser, WebSocketUser

__all__ = [
    "ChannelUser",
    "Churner",
    "ConnectionEnded",
    "LateJoiner",
    "Lurker",
    "ReceiveTimeout",
    "ReturningUser",
    "SlowReader",
    "StalledReader",
    "WebSocketUser",
]

install()

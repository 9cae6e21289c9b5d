"""Locust users that verify delivery: the only room that imports Locust, because that import patches the whole process.

    # locustfile.py
    from wsproof.locust import ChannelUser

    class ChatUser(ChannelUser):
        workload_name = "chat"

`locust -f locustfile.py --host ws://127.0.0.1:8000`, or any other TARGET as `--host`. What users publish leaves at
intended times that do not wait for the server; latency is measured from them; and when the test ends, the history of
each room is held against its contract: each violation is a Locust failure.

With several Locust workers (`--processes 2`) each of them judges what its own users published, among its own users:
whether a publication also reached the users of another worker is not verified, nor is their order among each other.
For that, use one process, or `wsproof bench`.
"""

from wsproof.locust.listeners import install
from wsproof.locust.users import ChannelUser

__all__ = ["ChannelUser"]

install()

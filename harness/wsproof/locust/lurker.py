"""A user that only listens."""

from __future__ import annotations

from wsproof.locust.users import ChannelUser


class Lurker(ChannelUser):
    """A member that receives everything and never publishes."""

    abstract = True
    may_publish = False

"""Many clients in one chat room; every message must reach all of them, once and in order."""

from wsproof.locust import ChannelUser


class ChatUser(ChannelUser):
    """Publishes and receives in the tutorial's chat. 20 publications a second in all, however many users there are."""

    workload_name = "chat"
    room_rate_hz = 20.0
    weight = 1

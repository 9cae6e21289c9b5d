"""Clients of the echo: one round trip after the other, at a fixed total rate."""

from wsproof.locust import ChannelUser


class EchoUser(ChannelUser):
    """Sends messages to the tutorial's echo and expects each back unchanged. 50 messages a second in total."""

    workload_name = "echo"
    room_rate_hz = 50.0
    weight = 1

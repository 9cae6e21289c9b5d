"""Clients that talk to themselves: one round trip after the other, at a fixed rate in all."""

from wsproof.locust import ChannelUser


class EchoUser(ChannelUser):
    """Says something to the tutorial's echo and wants it back, unchanged. 50 messages a second in all."""

    workload_name = "echo"
    room_rate_hz = 50.0
    weight = 1

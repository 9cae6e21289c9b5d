"""Many viewers of one dashboard; all must see the same numbers, at the same moments."""

from wsproof.locust import ChannelUser


class DashboardUser(ChannelUser):
    """Watches the tutorial's dashboard feed."""

    workload_name = "dashboard"
    weight = 1

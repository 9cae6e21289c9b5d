"""From a measurement to numbers that can be believed: metrics, trust, objectives, and paired comparison. Pure."""

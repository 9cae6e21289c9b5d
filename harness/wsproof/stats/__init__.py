"""Statistics of measurements: metrics, trust, objectives and paired comparison. Pure functions, no I/O."""

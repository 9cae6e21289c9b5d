"""One worker process: connections, pacing and recording. The hot path of the engine."""

"""HTTP to one origin: the only place that knows requests."""

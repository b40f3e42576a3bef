"""Assembly: the only place that names adapters, the clock and the board."""

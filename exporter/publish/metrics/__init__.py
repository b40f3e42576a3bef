"""Prometheus metrics: the catalogue, the values, and the formats."""

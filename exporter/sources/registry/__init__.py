"""Adapter of registries: requests over the distribution API, as a node sends them."""

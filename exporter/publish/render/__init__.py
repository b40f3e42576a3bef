"""Renderers: each prints every kind of block."""

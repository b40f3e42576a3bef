"""Adapters: each implements protocols of `exporter.ports`."""

"""Observations: frozen values, never changed after construction."""

"""Saved state: how a snapshot is written to a file and read back."""

"""Simulated garbage collections: what they remove, or where they abort. Deletes nothing."""

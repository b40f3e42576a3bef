"""Garbage collections, simulated: what they remove, or where they give up. Deletes nothing."""

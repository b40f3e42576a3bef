"""Repair of lost content: the same bytes again, under the same digest, from wherever they are."""

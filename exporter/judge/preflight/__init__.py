"""Predictions: what a garbage collection, a plan or a deletion would break."""

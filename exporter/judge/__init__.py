"""Verdicts: pure judgement, the same facts always give the same report."""

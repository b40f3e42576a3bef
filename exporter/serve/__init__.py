"""Audits on a clock, and the one board that shows their latest outcome."""

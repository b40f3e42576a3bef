"""Scheduled audits and scrubs, and the board that shows their latest results."""

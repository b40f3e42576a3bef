"""How much is exported one by one before only the worst is kept?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what grows with the registries: they protect the Prometheus that scrapes."""

    tags: int = 10_000
    """Tags with series of their own, over all registries."""
    problems: int = 500
    """Series of missing or broken children, for each registry."""
    repositories: int = 10_000
    """Repositories with series of their own, over all registries."""

"""How much may one registry be asked, how long is a response awaited, how much of it is taken?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The bounds of one registry; every field has a default that suits a registry of one's own."""

    concurrency: int = 16
    """Requests under way at once."""
    requests_per_second: float | None = None
    """None leaves the rate to concurrency and to what the registry itself demands."""
    tries: int = 3
    """How often one request is sent before its failure stands."""
    deadline: float = 30.0
    """Seconds from sending a request to the last byte of its response."""
    list_deadline: float = 300.0
    """Seconds likewise for a page of a list: a catalogue on an object store takes minutes."""
    connect: float = 10.0
    """Seconds to open a connection."""
    backoff: float = 0.5
    """Seconds before the second try; doubled for each further one, with jitter."""
    pause_cap: float = 120.0
    """The most seconds that one Retry-After may pause a registry."""
    failures: int = 8
    """Questions that fail in a row, each after all its tries, until a registry counts as dead."""
    probe_after: float = 10.0
    """Seconds after which one request may probe whether a dead registry is back."""
    manifest_bytes: int = 4 * 2**20
    """Longest manifest or configuration that is read; registries accept no longer one."""
    page_entries: int = 1000
    """Repositories asked for per page of the catalogue."""
    repositories: int = 100_000
    """Repositories at which the catalogue is cut, with a gap."""
    tags: int = 100_000
    """Tags at which a repository's list is cut, with a gap."""

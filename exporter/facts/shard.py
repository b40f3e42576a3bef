"""Shards: the parts of a registry that several processes audit. Each repository is in one."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

MOST: Final = 1_000
"""Shards of one registry; a bound on what is hashed for each repository."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a registry's repositories, counted from zero."""

    index: int
    count: int

    def __str__(self) -> str:
        """Return `index/count`."""
        return f"{self.index}/{self.count}"

    @property
    def first(self) -> bool:
        """Does it speak of what only the whole registry can be asked for, such as its storage?"""
        return self.index == 0

    def holds(self, repository: str) -> bool:
        """Is a repository in this part?"""
        return self.count == 1 or home(repository, self.count) == self.index

    def part(self, whole: int) -> int:
        """Return its part of what all shards together may use, and at least one.

        The parts add up to the whole; of fewer than there are shards, each still takes one.
        """
        return max(1, (whole + self.count - 1 - self.index) // self.count)


WHOLE: Final = Shard(0, 1)
"""All of a registry, as one process audits it."""


def home(repository: str, count: int) -> int:
    """Return the index of the one shard among `count` that a repository is in.

    Rendezvous hashing: the shard with the highest score, the sha256 of `INDEX/REPOSITORY`. One
    shard more takes from each of the others what it wins, and nothing moves between those. Every
    process and every release must agree on it, so it never changes.
    """
    return max(range(count), key=lambda index: sha256(f"{index}/{repository}".encode()).digest())

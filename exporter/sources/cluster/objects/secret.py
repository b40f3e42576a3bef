"""Which pull secrets has an account, and what is in a Secret?"""

from __future__ import annotations

from msgspec import field

from exporter.sources.cluster.objects.meta import Meta, Name, Shape


class Account(Shape, frozen=True):
    """A ServiceAccount."""

    metadata: Meta
    image_pull_secrets: tuple[Name, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """The pull secrets that its pods get, in order."""
        return [each.name for each in self.image_pull_secrets if each.name]


class Secret(Shape, frozen=True):
    """A Secret that keeps a Helm release, or logins."""

    metadata: Meta
    type: str = ""
    data: dict[str, str] = field(default_factory=dict)

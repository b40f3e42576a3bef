"""Where a pull fails."""

from dataclasses import dataclass

from exporter.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a pull fails that the nodes of a use would make."""

    platforms: frozenset[Platform] = frozenset()
    """Of those that must run it, as far as their platforms are known."""
    admitted: frozenset[Platform] = frozenset()
    """Of those on which it merely may be started."""
    certain: bool = True
    """False where it can still be started elsewhere, and nothing must run it there."""

    def __or__(self, other: "Failure") -> "Failure":
        """Return both."""
        platforms = self.platforms | other.platforms
        admitted = (self.admitted | other.admitted) - platforms
        return Failure(platforms, admitted, certain=self.certain or other.certain)

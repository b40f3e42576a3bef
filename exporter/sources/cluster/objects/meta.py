"""What do all objects have, and how are they read?"""

from __future__ import annotations

from msgspec import Struct, field


class Shape(Struct, frozen=True, gc=False, rename="camel"):
    """The common form: camel case; no cycles, so nothing for the garbage collector."""


class Owner(Shape, frozen=True):
    """Who made an object, and ends with it."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Annotations(Shape, frozen=True):
    """The annotations that are read."""

    mirror: str = field(default="", name="kubernetes.io/config.mirror")
    """A static pod: some node's own file made it."""
    revision: str = field(default="", name="deployment.kubernetes.io/revision")
    rollout: str = field(default="", name="rollout.argoproj.io/revision")


class Meta(Shape, frozen=True):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    annotations: Annotations = Annotations()
    owner_references: tuple[Owner, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def controller(self) -> Owner | None:
        """The one owner that would make it anew."""
        return next((each for each in self.owner_references if each.controller), None)


class Name(Shape, frozen=True):
    """An object of the same namespace, by its name."""

    name: str = ""


class Labelled(Meta, frozen=True):
    """Metadata with labels; for all other objects they are left out."""

    resource_version: str = ""
    """Changes whenever the object does."""
    labels: dict[str, str] = {}


class Named(Shape, frozen=True):
    """An object of which only the metadata is asked for."""

    metadata: Labelled

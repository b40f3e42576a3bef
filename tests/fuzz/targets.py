"""Which readers of foreign bytes are there? The one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fuzz import of_cluster, of_content, of_files, of_registry, of_web

if TYPE_CHECKING:
    from tests.fuzz.target import Target

TARGETS: Final[tuple[Target, ...]] = (
    *of_content.TARGETS,
    *of_registry.TARGETS,
    *of_cluster.TARGETS,
    *of_files.TARGETS,
    *of_web.TARGETS,
)

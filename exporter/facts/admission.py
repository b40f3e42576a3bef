"""Do the credentials that a node would pull with open a repository?"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository


@dataclass(frozen=True, slots=True)
class Admission:
    """How one set of credentials fared at one repository, at something that is there."""

    login: str
    """The set's name, as uses give it (`Use.login`)."""
    repository: Repository
    admitted: bool | None
    """None where it could not be established."""
    reason: Reason | None = None
    """Why it was refused, or why that is not known."""
    detail: str = ""
    """One sentence for a person; never credentials."""

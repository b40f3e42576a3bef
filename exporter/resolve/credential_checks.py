"""Could the workloads that name images pull them, each with its own credentials?"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from traceback import extract_tb
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.snapshot import Admission, Snapshot
from exporter.facts.use import Use
from exporter.oci.reference import Place, Repository
from exporter.resolve.concurrency import abreast

if TYPE_CHECKING:
    from exporter.resolve.target import Target

_log: Final = logging.getLogger("pullproof.audit")
_FRAMES: Final = 8
"""Innermost frames of a fault that are logged."""

Entrance = tuple[str, str, "Place"]
"""A login, the host that a reference names, and what is there to be asked for."""


async def admissions(target: Target, seen: Snapshot) -> tuple[Admission, ...]:
    """Return how each set of credentials fares at each repository that it is used for, once.

    Only where something is proven to be there: a denial means nothing otherwise.
    """
    credential_check = target.credential_check
    if credential_check is None:
        return ()

    async def ask(entrance: Entrance) -> Admission:
        try:
            return await credential_check.admits(*entrance)
        except Exception as fault:  # noqa: BLE001 - a stranger's Secret must cost no more than itself
            return _not_established(entrance, fault)

    found = await abreast(target.method.width, ask, _entrances(_present(seen), seen.uses))
    return tuple(
        sorted((each for _, each in found), key=lambda each: (each.login, each.repository))
    )


def _not_established(entrance: Entrance, fault: Exception) -> Admission:
    """Log a fault of ours by its place alone: what it says may repeat a credential."""
    login, _, (repository, _) = entrance
    frames = extract_tb(fault.__traceback__)
    fields = {
        "login": login,
        "repository": repository,
        "cause": type(fault).__name__,
        "trace": [f"{each.filename}:{each.lineno} {each.name}" for each in frames[-_FRAMES:]],
    }
    _log.error("credentials not tried", extra=fields)
    return Admission(login, repository, None, Reason.INTERNAL, "see the log")


def _entrances(there: Mapping[Repository, Place], uses: Iterable[Use]) -> list[Entrance]:
    wanted = {
        (use.login, use.reference.registry, use.reference.repository) for use in uses if use.login
    }
    return [
        (login, host, there[repository])
        for login, host, repository in sorted(wanted)
        if repository in there
    ]


def _present(seen: Snapshot) -> dict[Repository, Place]:
    """Return one manifest of each repository that was seen in this audit."""
    found: dict[Repository, Place] = {}
    for root in seen.roots:
        if root.digest is not None and root.repository not in found:
            place = (root.repository, root.digest)
            look = seen.sightings.get(place)
            if look is not None and look.state is State.PRESENT and look.seen_at is None:
                found[root.repository] = place
    return found

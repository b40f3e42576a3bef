"""Credentials of workloads, tried at the repositories that they are used for."""

from collections.abc import Iterable, Mapping

from exporter.facts.proof import State
from exporter.facts.snapshot import Admission, Snapshot
from exporter.facts.use import Use
from exporter.oci.reference import Place, Repository
from exporter.resolve.concurrency import abreast
from exporter.resolve.target import Target

Entrance = tuple[str, str, Place]
"""A login, the host that a reference names, and a manifest that is there."""


async def admissions(target: Target, seen: Snapshot) -> tuple[Admission, ...]:
    """Return how each set of credentials fares at each repository that it is used for, once.

    Only where something is proven to be there: a denial means nothing otherwise.
    """
    credential_check = target.credential_check
    if credential_check is None:
        return ()

    async def ask(entrance: Entrance) -> Admission:
        return await credential_check.admits(*entrance)

    found = await abreast(target.limits.width, ask, _entrances(_present(seen), seen.uses))
    return tuple(
        sorted((each for _, each in found), key=lambda each: (each.login, each.repository))
    )


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

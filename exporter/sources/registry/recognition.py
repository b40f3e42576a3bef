"""Recognition of a registry's kind by its answers."""

from dataclasses import replace
from typing import Final

from exporter.facts.registry_kind import RegistryKind
from exporter.oci.links import ACCEPT
from exporter.oci.reference import Repository
from exporter.sources.registry.kind_facts import KindFacts
from exporter.sources.registry.kinds import recognised
from exporter.sources.registry.messages import for_content
from exporter.sources.registry.responses import error_entries
from exporter.sources.registry.session import Session
from exporter.sources.registry.signs import NO_SUCH_TAG

_ACCEPT: Final = ", ".join(ACCEPT)


async def recognise(
    session: Session, repository: Repository | None
) -> tuple[RegistryKind, KindFacts]:
    """Return the kind by the answers so far, and its facts.

    If they show none, a tag that does not exist is requested from the repository, if one is given:
    the denial is a further sign. Raises `Unseen`.
    """
    found = recognised(session.signs)
    if found[0].known or repository is None:
        return found
    most = session.limits.manifest_bytes
    request = for_content(repository, "manifest", NO_SUCH_TAG, _ACCEPT, most)
    response = await session.send(request)
    errors = error_entries(response)
    missing = errors[0].detail if errors and errors[0].code == "MANIFEST_UNKNOWN" else None
    signs = session.signs  # a challenge may have been met meanwhile
    headers = {**signs.headers, **response.headers}
    return recognised(replace(signs, headers=headers, missing_tag=missing))

"""Owners that do not exist, by Gitea's answer, which any proxy may give as well."""

import json
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Absent, Unseen
from exporter.sources.registry.messages import CATALOGUE_SCOPE, BodyEnd, Request, Response
from exporter.sources.registry.session import Session

_NOT_FOUND: Final = 404
_OK: Final = 200
_WORDS: Final = b"Not found.\n"
_FEW: Final = 100
"""Repositories that are listed, to find one of another owner."""


def names_no_owner(response: Response) -> bool:
    """Is it Gitea's answer for an owner that does not exist?

    Under `/v2/OWNER/` it has no other cause: a failing database is 500, a missing right 401 (Gitea
    1.26.0, services/context/user.go and context_response.go, run).
    """
    plain = response.status == _NOT_FOUND and response.media_type == "text/plain"
    return (
        plain and response.body == _WORDS and response.end is BodyEnd.WHOLE and not response.foreign
    )


async def missing_owner(session: Session, subject: str) -> Absent:
    """Return the absence of an owner's content; raise `Unseen` if it is not proven.

    A proxy may give the same answer. So the catalogue must list nothing of the owner, and a
    repository of another owner must list its tags.
    """
    owner = subject.partition("/")[0]
    try:
        listed = await _listed(session)
        others = [name for name in listed if name.partition("/")[0].lower() != owner.lower()]
        proven = len(others) == len(listed) > 0 and await _shows_tags(session, others[0])
    except Unseen:
        proven = False
    if proven:
        return Absent(f'404 "Not found." for the owner {owner}')
    words = '404 "Not found.", and no repository of another owner to compare with'
    raise Unseen(subject, Reason.NOT_A_REGISTRY, words)


async def _listed(session: Session) -> list[str]:
    """Return the valid names of some repositories of the catalogue."""
    path = f"/v2/_catalog?n={_FEW}"
    found = await _document(session, Request("catalog", "_catalog", path, CATALOGUE_SCOPE))
    names = found.get("repositories")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


async def _shows_tags(session: Session, repository: str) -> bool:
    scope = f"repository:{repository}:pull"
    path = f"/v2/{repository}/tags/list?n=1"
    request = Request("tags", repository, path, scope, repository)
    return isinstance((await _document(session, request)).get("tags"), list)


async def _document(session: Session, request: Request) -> dict[str, object]:
    response = await session.send(request)
    try:
        found = json.loads(response.body) if response.status == _OK else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

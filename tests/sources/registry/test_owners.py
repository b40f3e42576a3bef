"""A project or owner that does not exist: the whole proof, and nothing that only looks like it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Unseen
from tests.fakes import audited, target, use
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.sources.registry.distribution import Distribution

APP: Final = Repository("other/lib/app")
V1: Final = Tag("v1")
DIGEST: Final = Digest.of(b"gone")
JSON: Final = {"Content-Type": "application/json"}
SENTENCE: Final = "project other not found: project other not found"


def error(code: str, message: str, **more: object) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, **more}]}).encode()


def harbor(body: bytes, challenge: str = "") -> Callable[[Asked], Answer]:
    """Harbor: without an Authorization it asks for a token, and with any it looks first."""

    def answer(asked: Asked) -> Answer:
        if asked.target.startswith("/service/token"):
            return Answer(200, b'{"token": "x"}', JSON)
        if "Authorization" not in asked.headers:
            realm = f'Bearer realm="http://{asked.headers["Host"]}/service/token"'
            return Answer(
                401, b"{}", {"Www-Authenticate": f'{realm},service="harbor-registry"', **JSON}
            )
        return Answer(401, body, {"Www-Authenticate": challenge, **JSON})

    return answer


async def everything(registry: Distribution) -> list[object]:
    """What each kind of question about it is answered; `Unseen` as its reason."""
    blob = Descriptor("", DIGEST, 4)
    found: list[object] = []
    await registry.ping()
    for question in (
        registry.head(APP, V1),
        registry.head(APP, DIGEST),
        registry.manifest(APP, DIGEST),
        registry.tags(APP),
        registry.read(APP, blob),
        registry.head(APP, V1),
    ):
        try:
            found.append(await question)
        except Unseen as unseen:
            found.append(unseen.reason)
    return found


async def test_harbor_names_a_project_that_does_not_exist_and_everything_of_it_is_absent() -> None:
    with serving(harbor(error("UNAUTHORIZED", SENTENCE))) as url:
        async with registry_at(url) as registry:
            assert await everything(registry) == [Absent("project other not found")] * 6


@pytest.mark.parametrize(
    ("body", "challenge"),
    [
        (error("UNAUTHORIZED", SENTENCE), 'Basic realm="harbor"'),
        (error("UNAUTHORIZED", "project another not found: project another not found"), ""),
        (error("UNAUTHORIZED", "project lib not found: project lib not found"), ""),
        (error("UNAUTHORIZED", "project other not found"), ""),
        (error("UNAUTHORIZED", f"{SENTENCE}: connection refused"), ""),
        (error("UNAUTHORIZED", SENTENCE.upper()), ""),
        (error("UNAUTHORIZED", SENTENCE, detail={"a": 1}), ""),
        (error("DENIED", SENTENCE), ""),
        (error("UNAUTHORIZED", "dial tcp 127.0.0.1:5432: connect: connection refused"), ""),
        (
            error("UNAUTHORIZED", "unauthorized to access repository: other/lib/app, action: pull"),
            'Basic realm="harbor"',
        ),
        (b'{"errors":[]}', ""),
        (b"", ""),
    ],
)
async def test_any_other_401_of_harbor_proves_nothing(body: bytes, challenge: str) -> None:
    with serving(harbor(body, challenge)) as url:
        async with registry_at(url) as registry:
            assert set(await everything(registry)) == {Reason.UNAUTHORIZED}


async def test_an_image_of_a_deleted_project_is_missing_in_harbors_words() -> None:
    with serving(harbor(error("UNAUTHORIZED", SENTENCE))) as url:
        async with registry_at(url) as registry:
            told = target(registry)  # type: ignore[arg-type] # a real registry in a fake's place
            named = use("other/lib/app:v1"), use(f"other/lib/app@{DIGEST}")
            report = await audited(told, *named)

    assert [each.state for each in report.verdicts] == [State.MISSING] * 2
    details = {each.root.sighting.detail for each in report.verdicts if each.root.tag}
    assert details == {"project other not found"}


@dataclass
class Gitea:
    """Gitea, one of whose owners does not exist."""

    listed: list[str] = field(default_factory=lambda: ["team/app"])
    service: str = "container_registry"
    lost: Answer = field(
        default_factory=lambda: Answer(
            404, b"Not found.\n", {"Content-Type": "text/plain;charset=utf-8"}
        )
    )
    neighbour: Answer = field(
        default_factory=lambda: Answer(200, b'{"name": "team/app", "tags": ["v1"]}', JSON)
    )

    def __call__(self, asked: Asked) -> Answer:
        if asked.target.startswith("/v2/token"):
            return Answer(200, b'{"token": "x"}', JSON)
        if "Authorization" not in asked.headers:
            realm = f'Bearer realm="http://{asked.headers["Host"]}/v2/token"'
            return Answer(401, b"{}", {"Www-Authenticate": f'{realm},service="{self.service}"'})
        if asked.target.startswith("/v2/_catalog"):
            return Answer(200, json.dumps({"repositories": self.listed}).encode(), JSON)
        return self.neighbour if asked.target.startswith("/v2/team/app/") else self.lost


async def test_gitea_denies_an_owner_that_does_not_exist_while_its_neighbours_answer() -> None:
    with serving(Gitea()) as url:
        async with registry_at(url) as registry:
            assert (
                await everything(registry) == [Absent('404 "Not found." for the owner other')] * 6
            )


@pytest.mark.parametrize(
    "gitea",
    [
        Gitea(service="somebody else"),
        Gitea(listed=[]),
        Gitea(listed=["team/app", "other/web"]),
        Gitea(listed=["team/app", "Other/web"]),
        Gitea(neighbour=Answer(404, b"Not found.\n", {"Content-Type": "text/plain"})),
        Gitea(neighbour=Answer(200, b"Not found.\n", {"Content-Type": "text/plain"})),
        Gitea(neighbour=Answer(503)),
        Gitea(lost=Answer(404, b"Not found.\n", {"Content-Type": "text/html"})),
        Gitea(lost=Answer(404, b"Not found.", {"Content-Type": "text/plain"})),
        Gitea(lost=Answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})),
        Gitea(lost=Answer(404, b"Not found.\n", {"Content-Type": "text/plain"}, announced=90)),
    ],
)
async def test_the_same_text_proves_nothing_from_anybody_else(gitea: Gitea) -> None:
    with serving(gitea) as url:
        async with registry_at(url) as registry:
            found = await everything(registry)

    assert not [each for each in found if isinstance(each, Absent)]
    assert all(isinstance(each, Reason) for each in found)

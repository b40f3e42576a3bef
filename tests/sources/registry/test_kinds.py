"""Kinds of registries, recognised by what their answers show; careful where they show none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import UNKNOWN_KIND, ChildRemoval
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.sources.registry.kind_facts import UNKNOWN_FACTS, Fact, Verified
from exporter.sources.registry.kinds import KINDS, recognised
from exporter.sources.registry.signs import NO_SUCH_TAG, Signs
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import registry_at

APP = Repository("team/app")
SHOWN = {
    "zot": Signs("r:5000", {"access-control-allow-headers": "Authorization,X-ZOT-API-CLIENT"}),
    "gitea": Signs("r", realm="https://r/v2/token", service="container_registry"),
    "harbor": Signs("r", realm="https://r/service/token", service="harbor-registry"),
    "quay": Signs("r:8443", realm="https://r:8443/v2/auth", service="r:8443"),
    "gitlab": Signs("r", {"gitlab-container-registry-version": "4.19.0-gitlab"}),
    "ghcr": Signs("ghcr.io", realm="https://ghcr.io/token", service="ghcr.io"),
    "ecr": Signs("1.dkr.ecr.eu-west-1.amazonaws.com", service="ecr.amazonaws.com"),
    "acr": Signs("x.azurecr.io", realm="https://x.azurecr.io/oauth2/token"),
    "gar": Signs("europe-docker.pkg.dev", realm="https://europe-docker.pkg.dev/v2/token"),
    "docker-hub": Signs("registry-1.docker.io", realm="https://auth.docker.io/token"),
    "artifactory": Signs("r", {"x-jfrog-version": "Artifactory/7.77.5 77705900"}),
    "nexus": Signs("r", {"server": "Nexus/3.68.1-02 (OSS)"}),
    "distribution": Signs("r", missing_tag={"Tag": NO_SUCH_TAG}),
}
VERSIONS = {"gitlab": "4.19.0-gitlab", "artifactory": "7.77.5", "nexus": "3.68.1-02"}


def test_every_kind_is_recognised_by_signs_of_its_own() -> None:
    assert set(SHOWN) == {each.name for each in KINDS}
    for name, signs in SHOWN.items():
        assert recognised(signs)[0].name == name


@pytest.mark.parametrize(("name", "version"), VERSIONS.items())
def test_a_version_that_is_told_is_recorded(name: str, version: str) -> None:
    assert recognised(SHOWN[name])[0].version == version


@pytest.mark.parametrize("version", ["4" * 41, "4\x1b[0m"])
def test_a_version_that_no_one_would_print_is_left_out(version: str) -> None:
    kind, _ = recognised(Signs("r", {"gitlab-container-registry-version": version}))

    assert (kind.name, kind.version) == ("gitlab", "")


def test_contradicting_signs_are_no_kind() -> None:
    headers = {**SHOWN["zot"].headers, **SHOWN["nexus"].headers}

    assert recognised(Signs("r", headers)) == (UNKNOWN_KIND, UNKNOWN_FACTS)


@given(
    st.text(max_size=40),
    st.dictionaries(st.sampled_from(["server", "access-control-allow-headers"]), st.text()),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_any_signs_are_read(host: str, headers: dict[str, str], realm: str, service: str) -> None:
    assert recognised(Signs(host, headers, realm, service))[0].name


def test_only_what_is_known_to_remove_children_is_told_as_a_removal() -> None:
    told = {each.name: each.removals.value for each in KINDS if each.removals.value}

    assert told == {
        "zot": {ChildRemoval.MOVED_TAG},
        "gitea": {ChildRemoval.MOVED_TAG, ChildRemoval.CLEANED_TAG},
        "quay": {ChildRemoval.UNTAGGED_PARENT},
    }


def test_every_fact_has_its_source() -> None:
    """A default is a fact that nobody established, and says so."""
    for kind in KINDS:
        facts = (getattr(kind, name) for name in kind.__slots__)
        for each in (fact for fact in facts if isinstance(fact, Fact)):
            assert bool(each.source) is (each.verified is not Verified.NOT), (kind.name, each)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        (Answer(200, headers={"Access-Control-Allow-Headers": "X-ZOT-API-CLIENT"}), "zot"),
        (Answer(200, headers={"X-JFrog-Version": "Artifactory/7.77.5 7"}), "artifactory"),
    ],
)
async def test_what_the_first_answer_tells_costs_no_request(shown: Answer, name: str) -> None:
    asked: list[Asked] = []

    def answer(each: Asked) -> Answer:
        asked.append(each)
        return shown

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.ping()
            kinds = [await registry.kind(where) for where in (None, APP)]
            assert registry.facts.name == name

    assert [each.name for each in kinds] == [name, name]
    assert [each.target for each in asked] == ["/v2/"]


async def test_without_a_repository_nothing_is_requested() -> None:
    with serving(lambda _: Answer(200)) as url:
        async with registry_at(url) as registry:
            assert await registry.kind(None) == UNKNOWN_KIND
            assert registry.facts == UNKNOWN_FACTS
            assert not registry.tally.requests


async def test_headers_of_somebody_else_tell_nothing() -> None:
    with serving(lambda _: Answer(200, headers={"X-JFrog-Version": "Artifactory/7"})) as other:
        moved = Answer(307, headers={"Location": f"{other}/v2/"})
        with serving(lambda _: moved) as url:
            async with registry_at(url) as registry:
                await registry.ping()
                assert await registry.kind(None) == UNKNOWN_KIND


@pytest.mark.parametrize(
    ("url", "title", "lister"),
    [
        ("https://registry-1.docker.io", "Docker Hub", "docker-hub"),
        ("https://ghcr.io", "GitHub Container Registry", "github"),
    ],
)
async def test_a_registry_without_a_catalogue_says_so_and_names_the_way_out(
    url: str, title: str, lister: str
) -> None:
    async with registry_at(url) as registry:
        with pytest.raises(Unseen) as unseen:
            await registry.repositories()

    assert (unseen.value.subject, unseen.value.reason) == ("_catalog", Reason.UNSUPPORTED)
    assert unseen.value.detail == (
        f"{title} has no catalogue: name images, or configure the registry with "
        f"repositories: {{from: {lister}, namespaces: [OWNER]}}"
    )
    assert not registry.tally.requests


@pytest.mark.parametrize(
    ("service", "hint"),
    [
        ("harbor-registry", "; its API may list them: repositories: {from: harbor}"),
        ("another", ""),
    ],
)
async def test_a_refused_catalogue_of_a_kind_that_has_an_api_names_it(
    service: str, hint: str
) -> None:
    where: list[str] = []

    def harbor(asked: Asked) -> Answer:
        if asked.target.startswith("/service/token"):
            return Answer(200, b'{"token": "of-nobody"}')
        challenge = f'Bearer realm="{where[0]}/service/token",service="{service}"'
        body = b'{"errors": [{"code": "UNAUTHORIZED"}]}'
        return Answer(401, body, {"Www-Authenticate": challenge})

    with serving(harbor) as url:
        where.append(url)
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as unseen:
                await registry.repositories()

    assert unseen.value.reason is Reason.UNAUTHORIZED
    assert unseen.value.detail == f"not shown to anybody without a login{hint}"

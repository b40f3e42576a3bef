"""What a source of repositories needs: what lacks is named, with the way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from exporter.config.loading import Misconfigured, parse
from exporter.config.repositories import EcrAddress, ListSource
from tests.parts import needs

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "registries"
DOCS: Final = Path(__file__).parents[2] / "docs" / "registries"
PAGES: Final = {
    "harbor": ListSource.HARBOR,
    "ghcr": ListSource.GITHUB,
    "gitlab": ListSource.GITLAB,
    "gitea": ListSource.GITEA,
    "quay": ListSource.QUAY,
    "docker-hub": ListSource.DOCKER_HUB,
    "ecr": ListSource.ECR,
    "gar": ListSource.CATALOG,
    "acr": ListSource.CATALOG,
}
"""What the example of each page lists its repositories by."""
ENVIRON: Final = {"T": "token", "GITHUB_TOKEN": "token", "HARBOR_ROBOT_SECRET": "secret"}
OWN: Final = "https://r.example.com"
ECR: Final = "https://012345678910.dkr.ecr.eu-west-1.amazonaws.com"
REFUSED: Final = [
    (OWN, "from: harbour", "from: not one of the choices: 'harbour'; did you mean harbor?"),
    (OWN, "namespaces: [a]", "namespaces: has no effect with from: catalog"),
    (OWN, "api_token_env: T", "api_token_env: has no effect with from: catalog"),
    (OWN, "api_url: 'https://a'", "api_url: the API of from: catalog is at the registry's own"),
    (OWN, "from: harbor, catalog: false", "from: harbor lists repositories, and catalog: false"),
    (OWN, "from: harbor, api_token_env: T", "api_token_env: has no effect with from: harbor"),
    (OWN, "from: harbor, api_url: 'https://a'", "which alone its login is shown to"),
    (OWN, "from: harbor, namespaces: ['a b']", "namespaces[0]: not the name of an owner"),
    ("https://ghcr.io", "from: github, api_token_env: T", "namespaces: is needed with from: g"),
    ("https://ghcr.io", "from: github, namespaces: [a]", "api_token_file: is needed with from: g"),
    (OWN, "from: github, namespaces: [a], api_token_env: T", "api_url: is needed: the API of"),
    (OWN, "from: gitlab, namespaces: [a], api_token_env: T", "api_url: is needed: the API of"),
    (OWN, "from: gitea, namespaces: [a], api_url: 'https://a'", "api_token_file: is needed besid"),
    (OWN, "from: quay, namespaces: [a]", "api_token_file: is needed with from: quay"),
    ("https://docker.io", "from: docker-hub, namespaces: [a], api_token_env: T", "needs username"),
    (OWN, "from: docker-hub, namespaces: [a]", "api_url: is needed"),
    (
        OWN,
        "from: ecr",
        "from: ecr needs a url such as https://ACCOUNT.dkr.ecr.REGION.amazonaws.com",
    ),
    (OWN, "from: quay, namespaces: [a], api_token_env: NONE", "api_token_env: its value is empty"),
    (OWN, "from: quay, namespaces: [a], api_token_file: none", "api_token_file: none cannot be"),
    (OWN, "from: quay, namespaces: [a], api_token: x", "api_token: secrets are not allowed here"),
    (
        OWN,
        "from: quay, namespaces: [a], api_token_env: T, api_url: 'http://a'",
        "api_url: http without TLS needs plain_http: true",
    ),
    (
        OWN,
        "from: quay, namespaces: [a], api_token_env: T, api_url: 'https://u:secret@a'",
        "api_url: no credentials in an address; use api_token_file",
    ),
    (
        OWN,
        "from: quay, namespaces: [a], api_token_env: T, api_token_file: t",
        "api_token_env: not together with api_token_file",
    ),
]


def configured(url: str, within: str) -> bytes:
    return f"registries: [{{url: '{url}', repositories: {{{within}}}}}]".encode()


@pytest.mark.parametrize(("url", "within", "words"), REFUSED)
def test_what_a_source_lacks_is_said_by_its_key(url: str, within: str, words: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        parse(configured(url, within), ENVIRON)

    assert f"registries[0].repositories.{words}" in str(refused.value) or words in str(
        refused.value
    )
    assert "secret@" not in str(refused.value)


def test_the_examples_are_valid() -> None:
    found = [
        parse(each.read_bytes(), ENVIRON).registries[0].repositories.source
        for each in sorted(EXAMPLES.iterdir())
    ]

    assert found == [ListSource.GITHUB, ListSource.HARBOR]


def test_the_catalogue_is_the_default() -> None:
    (registry,) = parse(configured(OWN, "listed: [a]"), {}).registries

    assert registry.repositories.source is ListSource.CATALOG


def test_docker_hub_takes_the_name_of_whose_token_it_is_without_a_password() -> None:
    needed = "from: docker-hub, namespaces: [a], api_token_env: T"
    text = f"registries: [{{url: 'https://docker.io', username: a, repositories: {{{needed}}}}}]"

    assert parse(text.encode(), ENVIRON)


@pytest.mark.parametrize(
    ("host", "api"),
    [
        (ECR, "https://api.ecr.eu-west-1.amazonaws.com"),
        (ECR.replace(".ecr.", ".ecr-fips."), "https://ecr-fips.eu-west-1.amazonaws.com"),
        (ECR + ".cn", "https://api.ecr.eu-west-1.amazonaws.com.cn"),
    ],
)
def test_an_ecr_registry_names_its_account_its_region_and_its_api(host: str, api: str) -> None:
    needs.installed("botocore")
    assert parse(configured(host, "from: ecr"), {})
    found = EcrAddress.of(host.removeprefix("https://"))

    assert found == EcrAddress("012345678910", "eu-west-1", api)


@pytest.mark.parametrize("name", PAGES)
def test_the_configuration_of_each_page_is_valid(tmp_path: Path, name: str) -> None:
    if name == "ecr":
        needs.installed("botocore")
    page = (DOCS / f"{name}.md").read_text()
    examples = re.findall(r"```yaml\n(registries:.*?)```", page, re.DOTALL)
    for named in re.findall(r"(?:_file|docker_config): ([\w./]+)", "".join(examples)):
        (tmp_path / named).parent.mkdir(exist_ok=True)
        (tmp_path / named).write_text("{}" if named.endswith(".json") else "secret")

    told = [parse(each.encode(), {}, tmp_path / "pullproof.yml") for each in examples]

    sources = {registry.repositories.source for each in told for registry in each.registries}
    assert PAGES[name] in sources

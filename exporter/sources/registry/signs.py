"""Signs of a kind of registry: each test returns the version, or None for another kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporter.oci.digest import Malformed
from exporter.sources.registry.address import Address

NO_SUCH_TAG: Final = "pullproof-asks-who-collects-here"
"""A tag that does not exist: its denial tells distribution 2 from 3."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of a registry's kind in answers that it sends anyway."""

    host: str
    """`host[:port]` of the registry."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of an answer, by name in lower case."""
    realm: str = ""
    """Realm of its challenge: the URL of a token server, or a Basic realm."""
    service: str = ""
    missing_tag: object = None
    """Error detail of a tag that does not exist; None if none was requested."""


def is_acr(signs: Signs) -> str | None:
    """The host."""
    return "" if signs.host.endswith((".azurecr.io", ".azurecr.cn", ".azurecr.us")) else None


def is_artifactory(signs: Signs) -> str | None:
    """`X-JFrog-Version: Artifactory/7.77.5 77705900`; older ones name the node alone.

    Where a proxy hides them, its token server is below `/api/docker/` (renovate#11765).
    """
    software, _, version = signs.headers.get("x-jfrog-version", "").partition(" ")[0].partition("/")
    named = software == "Artifactory" or "x-artifactory-id" in signs.headers
    return version if named or "/api/docker/" in signs.realm else None


def is_distribution_2(signs: Signs) -> str | None:
    """2.x has `{"Tag": …}` in the detail of an unknown tag."""
    return "" if signs.missing_tag == {"Tag": NO_SUCH_TAG} else None


def is_distribution_3(signs: Signs) -> str | None:
    """3.x has a sentence there."""
    return "" if signs.missing_tag == f"unknown tag={NO_SUCH_TAG}" else None


_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def is_docker_hub(signs: Signs) -> str | None:
    """The host."""
    return "" if signs.host in _HUB_HOSTS else None


_ECR_ENDS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


def is_ecr(signs: Signs) -> str | None:
    """The service of its Basic challenge, or the host."""
    private = ".dkr.ecr" in signs.host or ".dkr-ecr" in signs.host
    private = private and signs.host.endswith(_ECR_ENDS)
    named = signs.service == "ecr.amazonaws.com" or signs.host == "public.ecr.aws"
    return "" if private or named else None


def is_gar(signs: Signs) -> str | None:
    """The host."""
    google = signs.host == "gcr.io" or signs.host.endswith((".gcr.io", "-docker.pkg.dev"))
    return "" if google else None


def is_ghcr(signs: Signs) -> str | None:
    """The host, or GitHub's header in every answer with a token server at `/token`."""
    enterprise = "x-github-request-id" in signs.headers and signs.realm.endswith("/token")
    return "" if signs.host == "ghcr.io" or enterprise else None


def is_gitea(signs: Signs) -> str | None:
    """Its token server has the registry's host (routers/api/packages/container/container.go)."""
    forge = signs.realm.endswith("/v2/token") and signs.service == "container_registry"
    return "" if forge else None


_GITLAB_VERSION: Final = "gitlab-container-registry-version"
_GITLAB_DATABASE: Final = "gitlab-container-registry-database-enabled"


def is_gitlab(signs: Signs) -> str | None:
    """A header of its own, without that of its metadata database."""
    version = signs.headers.get(_GITLAB_VERSION)
    return None if signs.headers.get(_GITLAB_DATABASE) == "true" else version


def is_gitlab_database(signs: Signs) -> str | None:
    """The same header, with that of the database."""
    version = signs.headers.get(_GITLAB_VERSION)
    return version if signs.headers.get(_GITLAB_DATABASE) == "true" else None


def is_harbor(signs: Signs) -> str | None:
    """Its token service has a name of its own (src/core/service/token)."""
    return "" if signs.service == "harbor-registry" else None


def is_nexus(signs: Signs) -> str | None:
    """`Server: Nexus/3.68.1-02 (OSS)`; where a proxy hides that, its realm (nexus-public#921)."""
    software, _, version = signs.headers.get("server", "").partition(" ")[0].partition("/")
    named = software == "Nexus" or signs.realm == "Sonatype Nexus Repository Manager"
    return (version if software == "Nexus" else "") if named else None


def is_quay(signs: Signs) -> str | None:
    """Its token server is `/v2/auth` of the host that it names as service (v2auth.py)."""
    try:
        where = Address.parse(signs.realm)
    except Malformed:
        return None
    path = where.target.partition("?")[0]
    return "" if path == "/v2/auth" and where.base.endswith(f"://{signs.service}") else None


def is_zot(signs: Signs) -> str | None:
    """`/v2/` allows its own header to browsers (pkg/api/routes.go)."""
    allowed = signs.headers.get("access-control-allow-headers", "")
    return "" if "X-ZOT-API-CLIENT" in allowed.upper() else None

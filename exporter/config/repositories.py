"""Settings of the list of a registry's repositories."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Final

from pydantic import Field, PlainValidator

from exporter.config.values import (
    ApiUrl,
    FilePath,
    Glob,
    Owner,
    RepositoryName,
    Section,
    Variable,
    choice,
    invalid,
)
from exporter.oci.reference import HUB


class ListSource(StrEnum):
    """A source of the list of repositories."""

    CATALOG = "catalog"
    HARBOR = "harbor"
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    QUAY = "quay"
    DOCKER_HUB = "docker-hub"
    ECR = "ecr"


class Need(StrEnum):
    """Does a source take a setting?"""

    NONE = "none"
    OPTIONAL = "optional"
    NEEDED = "needed"


ListSourceName = Annotated[ListSource, PlainValidator(partial(choice, ListSource))]
_ECR_HOST: Final = re.compile(
    r"([0-9]{12})\.dkr\.ecr(-fips)?\.([a-z0-9-]{1,40})\.(amazonaws\.com(?:\.cn)?)"
)


@dataclass(frozen=True, slots=True)
class EcrAddress:
    """Account and region in the host name of an ECR registry."""

    account: str
    region: str
    api_url: str

    @classmethod
    def of(cls, host: str) -> "EcrAddress | None":
        """Parse a host name; None if it is not one of ECR's (ECR User Guide, "Endpoints")."""
        found = _ECR_HOST.fullmatch(host)
        if found is None:
            return None
        account, fips, region, domain = found.groups()
        service = "ecr-fips" if fips else "api.ecr"
        return cls(account, region, f"https://{service}.{region}.{domain}")


def _itself(url: str) -> str:
    return url


def _known(host: str, api: str) -> Callable[[str], str | None]:
    return lambda url: api if url == f"https://{host}" else None


@dataclass(frozen=True, slots=True)
class ListSourceNeeds:
    """Required settings of a source, and the address of its API."""

    namespaces: Need
    api_token: Need
    api_url: Callable[[str], str | None]
    """By the registry's address; None if it must be configured."""
    movable: bool = True
    """Can its API have another address?"""


_ITSELF: Final = "is at the registry's own address, which alone its login is shown to"
NEEDS: Final = {
    ListSource.CATALOG: ListSourceNeeds(Need.NONE, Need.NONE, _itself, movable=False),
    ListSource.HARBOR: ListSourceNeeds(Need.OPTIONAL, Need.NONE, _itself, movable=False),
    ListSource.GITHUB: ListSourceNeeds(
        Need.NEEDED, Need.NEEDED, _known("ghcr.io", "https://api.github.com")
    ),
    ListSource.GITLAB: ListSourceNeeds(
        Need.NEEDED, Need.NEEDED, _known("registry.gitlab.com", "https://gitlab.com")
    ),
    ListSource.GITEA: ListSourceNeeds(Need.NEEDED, Need.OPTIONAL, _itself),
    ListSource.QUAY: ListSourceNeeds(Need.NEEDED, Need.NEEDED, _itself),
    ListSource.DOCKER_HUB: ListSourceNeeds(
        Need.NEEDED, Need.OPTIONAL, _known(HUB, "https://hub.docker.com")
    ),
    ListSource.ECR: ListSourceNeeds(
        Need.NONE,
        Need.NONE,
        lambda url: found.api_url if (found := EcrAddress.of(url.partition("://")[2])) else None,
    ),
}


class RepositoriesSettings(Section):
    """Repositories of a registry that are audited, beside those that references name."""

    source: ListSourceName = Field(default=ListSource.CATALOG, alias="from")
    """What lists the repositories: `catalog` is `/v2/_catalog`; `harbor`, `github` (GHCR),
    `gitlab`, `gitea` (and Forgejo), `quay`, `docker-hub` and `ecr` are the APIs of these. See
    below."""
    namespaces: tuple[Owner, ...] = ()
    """What the API lists: projects of Harbor, owners on GitHub and Gitea, groups or projects of
    GitLab, namespaces of Quay and Docker Hub."""
    api_url: ApiUrl | None = None
    """Address of the API, if not the usual one."""
    api_token_file: FilePath | None = None
    """File that holds the token for the API."""
    api_token_env: Variable | None = None
    """Environment variable that holds the token for the API."""
    catalog: bool = True
    """List the repositories; `false` audits `listed` and referenced ones only."""
    only: tuple[Glob, ...] = ()
    """Patterns of listed repositories to audit; empty is all."""
    leave_out: tuple[Glob, ...] = ()
    """Patterns to exclude; they take precedence over `only`. An image that a reference names is
    still audited: a pull-through cache belongs in `parts`."""
    listed: tuple[RepositoryName, ...] = ()
    """Repositories to audit whether they are listed or not."""

    @property
    def token_key(self) -> str | None:
        """Return the key that names the token for the API."""
        keys = ("api_token_file", "api_token_env")
        return next((key for key in keys if getattr(self, key) is not None), None)

    @property
    def names_user(self) -> bool:
        """Is the token for the API used with the registry's user name?"""
        return self.source is ListSource.DOCKER_HUB and self.token_key is not None

    def check(self, url: str, *, named: bool, plain_http: bool) -> None:
        """Raise for settings that a registry at this address lacks, or that have no effect.

        `named` says whether the registry has a user name.
        """
        source, needs = self.source, NEEDS[self.source]
        if source is not ListSource.CATALOG and not self.catalog:
            raise _blamed("from", f"{source} lists repositories, and catalog: false forbids that")
        if self.api_token_file and self.api_token_env:
            raise _blamed("api_token_env", "not together with api_token_file: one of them")
        self._check_presence("namespaces", needs.namespaces, bool(self.namespaces))
        self._check_presence("api_token_file", needs.api_token, self.token_key is not None)
        if self.api_url and not needs.movable:
            raise _blamed("api_url", f"the API of from: {source} {_ITSELF}")
        if self.api_url and self.api_url.startswith("http:") and not plain_http:
            raise _blamed("api_url", "http without TLS needs plain_http: true")
        self._check_source(url, named=named)

    def _check_source(self, url: str, *, named: bool) -> None:
        source = self.source
        if source is ListSource.ECR:
            if EcrAddress.of(url.partition("://")[2]) is None:
                words = "ecr needs a url such as https://ACCOUNT.dkr.ecr.REGION.amazonaws.com"
                raise _blamed("from", words)
            if find_spec("botocore") is None:
                raise _blamed("from", "ecr needs the extra: pip install 'pullproof[ecr]'")
        if self.api_url is None and NEEDS[source].api_url(url) is None:
            words = f"is needed: the API of from: {source} is at another address than its registry"
            raise _blamed("api_url", words)
        if source is ListSource.GITEA and self.api_url and not self.token_key:
            words = "is needed beside api_url: a registry's login is shown to no other address"
            raise _blamed("api_token_file", words)
        if self.names_user and not named:
            words = "docker-hub needs username (or username_file, username_env): whose token it is"
            raise _blamed("from", words)

    def _check_presence(self, key: str, need: Need, given: bool) -> None:  # noqa: FBT001 - one fact of three
        if given and need is Need.NONE:
            raise _blamed(self.token_key or key, f"has no effect with from: {self.source}")
        if not given and need is Need.NEEDED:
            raise _blamed(key, f"is needed with from: {self.source}")


def _blamed(key: str, text: str) -> Exception:
    return invalid("repositories", key, text)

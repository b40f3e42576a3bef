"""Registries, and what lists their repositories, as their settings describe them.

The only place that names their adapters.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from exporter.config.registry import RegistrySettings, ScrubSettings
from exporter.config.repositories import NEEDS, EcrAddress, ListSource
from exporter.config.secrets import NoSecret, api_token, credentials, username
from exporter.config.values import authority
from exporter.facts.gap import Reason
from exporter.facts.shard import Shard
from exporter.facts.snapshot import RegistryPart
from exporter.ports import OpenRegistry, RepositoryList, Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client
from exporter.sources.registry.credentials import Login, LoginSource, Uncarried, presentable
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.docker_config import DockerConfig
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.lists import api
from exporter.sources.registry.lists.by_namespace import (
    GiteaList,
    GitHubList,
    GitLabList,
    HarborList,
    QuayList,
)
from exporter.sources.registry.lists.docker_hub import DockerHubList, exchange
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.transport import Transport
from exporter.sources.registry.trust import Trust
from exporter.tally import Tally

Opener = Callable[[RegistrySettings, Mapping[str, str]], OpenRegistry]
"""Makes ready to ask a registry of one kind as its settings and the environment say."""
Opened = TypeVar("Opened", bound=Distribution)
Authorize = Callable[[api.ApiSession], Awaitable[str]]

_HUB_API: Final = "registry-1.docker.io"
"""Where the registry named `docker.io` answers."""
_SECRETS: Final = ("password_file", "password_env", "identity_token_file", "identity_token_env")
_BY_NAMESPACE: Final[Mapping[ListSource, Callable[..., RepositoryList]]] = {
    ListSource.HARBOR: HarborList,
    ListSource.GITHUB: GitHubList,
    ListSource.GITLAB: GitLabList,
    ListSource.GITEA: GiteaList,
    ListSource.QUAY: QuayList,
}


def opened(registry: RegistrySettings, environ: Mapping[str, str]) -> OpenRegistry:
    """Return a registry, ready for requests; the scheme of its address selects its kind."""
    return KINDS[registry.url.partition("://")[0]](registry, environ)


def distribution(registry: RegistrySettings, environ: Mapping[str, str]) -> Distribution:
    """Return a registry that speaks the OCI distribution API.

    Raises `Unseen` for certificates that cannot be used.
    """
    found = opened_as(Distribution, registry, environ)
    found.lister = lister(registry, environ, found.limits, logins(registry, environ), found.tally)
    return found


KINDS: Final[dict[str, Opener]] = {"https": distribution, "http": distribution}
"""The kinds of registries, by scheme."""


def opened_as(kind: type[Opened], registry: RegistrySettings, environ: Mapping[str, str]) -> Opened:
    """Return a registry of the distribution API, by the class of its adapter."""
    return kind.open(
        registry.label,
        registry.url.replace("//docker.io", f"//{_HUB_API}"),
        logins=logins(registry, environ),
        tls=Trust(
            registry.ca_file,
            registry.certificate_file,
            registry.key_file,
            verified=not registry.insecure_skip_verify,
        ),
        limits=RequestLimits(
            concurrency=registry.concurrency,
            requests_per_second=registry.requests_per_second,
            tries=registry.tries,
            deadline=registry.timeout.total_seconds(),
            tags=registry.tags.limit,
            pulls=registry.pulls,
            parts=parts(registry),
            role=registry.role,
        ),
        environ=environ,
    )


def parts(registry: RegistrySettings) -> tuple[RegistryPart, ...]:
    """Return the repositories that have another role than the rest of a registry."""
    return tuple(
        RegistryPart(each.repositories, each.role, frozenset(each.platforms))
        for each in registry.parts
    )


def parted(registry: RegistrySettings, shard: Shard) -> RegistrySettings:
    """Return a registry's settings with a shard's part of every limit that is the registry's."""
    rate, scrub = registry.requests_per_second, registry.scrub
    update = {
        "concurrency": shard.part(registry.concurrency),
        "requests_per_second": None if rate is None else rate / shard.count,
        "scrub": None if scrub is None else _parted(scrub, shard),
        "verify": registry.verify.model_copy(
            update={"bytes_per_audit": shard.part(registry.verify.bytes_per_audit)}
        ),
    }
    return registry.model_copy(update=update)


def _parted(scrub: ScrubSettings, shard: Shard) -> ScrubSettings:
    """What is not limited is no part either: without a budget, a shard takes what it needs."""
    limits = {"bytes_per_day": scrub.bytes_per_day, "bytes_per_second": scrub.bytes_per_second}
    return scrub.model_copy(
        update={key: shard.part(most) for key, most in limits.items() if most is not None}
    )


@dataclass(frozen=True, slots=True)
class ConfiguredLogin:
    """The login that a registry's own settings name, read anew each time: secrets are rotated."""

    registry: RegistrySettings
    environ: Mapping[str, str] = field(repr=False)

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - protocol
        """Return the login; raises `Unseen` where a secret that is named cannot be read."""
        try:
            # In a thread: a file may be on a disk that hangs.
            found = await asyncio.to_thread(credentials, self.registry, self.environ)
            return presentable(
                Login(found.username or "", found.password or "", found.identity_token or "")
            )
        except (NoSecret, Uncarried) as unusable:
            raise Unseen(host, Reason.CREDENTIALS, str(unusable)) from unusable

    async def namespaces(self, host: str) -> tuple[str, ...]:  # noqa: ARG002 - protocol
        """Return none: it is one login for all."""
        return ()

    def forget(self, login: Login) -> None:
        """Nothing is kept."""


def logins(registry: RegistrySettings, environ: Mapping[str, str]) -> LoginSource:
    """Return where a registry's logins come from: its settings, or docker's and podman's files."""
    if registry.docker_config is not None:
        return DockerConfig((registry.docker_config,), required=True)
    named = any(getattr(registry, key) for key in _SECRETS)
    return ConfiguredLogin(registry, environ) if named else DockerConfig.usual(environ, _home())


def _home() -> Path:
    """Return the home folder: `/`, as in containers, for a user whom the system does not list."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def lister(
    registry: RegistrySettings,
    environ: Mapping[str, str],
    limits: RequestLimits,
    logins: LoginSource,
    tally: Tally,
) -> RepositoryList | None:
    """Return what lists a registry's repositories; None where its catalogue does.

    Its requests count as the registry's. Raises `Unseen` for certificates that cannot be used.
    """
    settings = registry.repositories
    url = settings.api_url or NEEDS[settings.source].api_url(registry.url)
    if settings.source is ListSource.CATALOG or not settings.catalog or url is None:
        return None
    address = Address.of_registry(url)
    trust = Trust(registry.ca_file, registry.certificate_file, registry.key_file)
    if address.origin != Address.of_registry(registry.url).origin:
        trust = replace(trust, certificate=None, key=None)
    transport = Transport(address.origin, trust.contexts(), Proxies.of(environ), limits.concurrency)
    client = Client(address, transport, limits, tally)
    authorize = _authorize(registry, environ, logins, address.host)
    session = api.ApiSession(registry.label, client, limits, authorize)
    return _list(registry, session, environ)


def _list(
    registry: RegistrySettings, session: api.ApiSession, environ: Mapping[str, str]
) -> RepositoryList:
    settings = registry.repositories
    if settings.source is ListSource.ECR:
        found = EcrAddress.of(authority(registry.url))
        ecr = importlib.import_module("exporter.sources.registry.lists.ecr")
        made: RepositoryList = ecr.EcrList(session, found and found.account, found and found.region)
        return made
    if settings.source is ListSource.DOCKER_HUB:
        identifier = _username(registry, environ) if settings.token_key else ""
        return DockerHubList(session, settings.namespaces, identifier)
    return _BY_NAMESPACE[settings.source](session, settings.namespaces)


def _authorize(
    registry: RegistrySettings, environ: Mapping[str, str], logins: LoginSource, host: str
) -> Authorize:
    """Return what shows the token for the API, or else the registry's login to its own host."""
    settings = registry.repositories

    def secret() -> str:
        try:
            return api_token(settings, environ) or ""
        except NoSecret as unusable:
            raise Unseen(unusable.key, Reason.CREDENTIALS, unusable.text) from unusable

    if settings.source is ListSource.DOCKER_HUB and settings.token_key:
        return exchange(_username(registry, environ), secret)
    if settings.token_key:
        return api.bearer(secret)
    if settings.source in (ListSource.HARBOR, ListSource.GITEA):
        return api.basic(logins, host)
    return api.nobody


def _username(registry: RegistrySettings, environ: Mapping[str, str]) -> str:
    """Return whose token it is. Raises `Unseen` where its file cannot be read."""
    try:
        return username(registry, environ) or ""
    except NoSecret as unusable:
        raise Unseen(registry.label, Reason.CREDENTIALS, str(unusable)) from unusable

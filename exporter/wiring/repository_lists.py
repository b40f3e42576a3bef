"""Lists of the repositories of a registry, other than its catalogue."""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from exporter.config.registry import RegistrySettings
from exporter.config.repositories import NEEDS, EcrAddress, ListSource
from exporter.config.secrets import NoSecret, api_token, username
from exporter.config.values import authority
from exporter.facts.gap import Reason
from exporter.ports import RepositoryList, Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client
from exporter.sources.registry.credentials import LoginSource
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.lists import api
from exporter.sources.registry.lists.docker_hub import DockerHubList, exchange
from exporter.sources.registry.lists.gitea import GiteaList
from exporter.sources.registry.lists.github import GitHubList
from exporter.sources.registry.lists.gitlab import GitLabList
from exporter.sources.registry.lists.harbor import HarborList
from exporter.sources.registry.lists.quay import QuayList
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.transport import Transport
from exporter.sources.registry.trust import Trust
from exporter.tally import Tally

Authorize = Callable[[api.ApiSession], Awaitable[str]]
_BY_NAMESPACE: Final[Mapping[ListSource, Callable[..., RepositoryList]]] = {
    ListSource.HARBOR: HarborList,
    ListSource.GITHUB: GitHubList,
    ListSource.GITLAB: GitLabList,
    ListSource.GITEA: GiteaList,
    ListSource.QUAY: QuayList,
}


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

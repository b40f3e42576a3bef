"""Registries as their settings describe them: the only place that names their adapters."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from exporter.config.registry import RegistrySettings, ScrubSettings
from exporter.config.secrets import NoSecret, credentials
from exporter.facts.gap import Reason
from exporter.facts.shard import Shard
from exporter.facts.snapshot import RegistryPart
from exporter.ports import OpenRegistry, Unseen
from exporter.sources.registry.credentials import Login, LoginSource, Uncarried, presentable
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.docker_config import DockerConfig
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.trust import Trust
from exporter.wiring.repository_lists import lister

Opener = Callable[[RegistrySettings, Mapping[str, str]], OpenRegistry]
"""Makes ready to ask a registry of one kind as its settings and the environment say."""
Opened = TypeVar("Opened", bound=Distribution)

_HUB_API: Final = "registry-1.docker.io"
"""Where the registry named `docker.io` answers."""
_SECRETS: Final = ("password_file", "password_env", "identity_token_file", "identity_token_env")


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

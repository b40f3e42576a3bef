"""With which login is a registry asked, as its settings say, and as the files say right now?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter.config.registry import RegistrySettings
from exporter.config.secrets import NoSecret, credentials
from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.credentials import Login, LoginSource, Uncarried, presentable
from exporter.sources.registry.docker_config import DockerConfig

_SECRETS: Final = ("password_file", "password_env", "identity_token_file", "identity_token_env")


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


def logins(registry: RegistrySettings, environ: Mapping[str, str]) -> LoginSource:
    """Return where a registry's logins come from: its settings, or docker's and podman's files."""
    if registry.docker_config is not None:
        return DockerConfig((registry.docker_config,))
    named = any(getattr(registry, key) for key in _SECRETS)
    return ConfiguredLogin(registry, environ) if named else DockerConfig.usual(environ, _home())


def _home() -> Path:
    """Return the home folder: `/`, as in containers, for a user whom the system does not list."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")

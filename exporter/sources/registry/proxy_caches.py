"""Proxy caches among the repositories of a registry, by its own API.

No answer of `/v2/` shows them, and a request there fetches from upstream.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakValueDictionary

from exporter.ports import Unseen
from exporter.sources.registry.messages import Request, Response

_LOG: Final = logging.getLogger("pullproof.registry")
_LASTS: Final = 300.0
"""Seconds for which an answer is cached."""
_LONGEST: Final = 4 * 2**20
"""Maximum bytes of an answer: Artifactory and Nexus list all their repositories at once."""
_OK: Final = 200

Names = tuple[str, ...]
"""Possible names of a repository's cache: its first component, and the host's first label."""


@dataclass(frozen=True, slots=True)
class ProxyApi:
    """API of one kind that shows which of its repositories are proxy caches."""

    noun: str
    """The kind's word for one."""
    path: Callable[[str], str]
    """Returns the path of the request for a repository's first component."""
    told: Callable[[Any, Names], bool | None]
    """Parses the answer; None if it does not show that. May raise as any parser of JSON."""


def _harbor(found: Any, names: Names) -> bool | None:
    return next((bool(each.get("registry_id")) for each in found if each["name"] == names[0]), None)


def _by_type(found: Any, names: Names, name: str, kinds: Mapping[str, bool]) -> bool | None:
    """Parse a list of repositories; one that combines others, maybe proxies, shows nothing.

    If each repository has its own host name, the first label of it is its name.
    """
    types = {each[name]: str(each["type"]).lower() for each in found}
    return next((kinds.get(types[each]) for each in names if each in types), None)


PROXY_APIS: Final[Mapping[str, ProxyApi]] = {
    # Public projects to all, and those of a robot to it, without a right of its own
    # (Harbor 2.15.2, src/server/v2.0/handler/project.go, run).
    "harbor": ProxyApi(
        "project", lambda name: f"/api/v2.0/projects?q=name%3D{quote(name, safe='')}", _harbor
    ),
    # "Get Repositories" of its REST API (jfrog.com/help, read).
    "artifactory": ProxyApi(
        "repository",
        lambda _: "/artifactory/api/repositories?packageType=docker",
        lambda found, names: _by_type(found, names, "key", {"local": False, "remote": True}),
    ),
    # "Repositories API", without the settings that need a right (help.sonatype.com, read).
    "nexus": ProxyApi(
        "repository",
        lambda _: "/service/rest/v1/repositories",
        lambda found, names: _by_type(found, names[:1], "name", {"hosted": False, "proxy": True}),
    ),
}
"""By the name of the kind."""


class ProxyCaches:
    """Answers of one registry's API, each cached for a while for all requests."""

    def __init__(self, host: str, send: Callable[[Request], Awaitable[Response]]) -> None:
        """`send` sends a request once, with the registry's login."""
        self._label, self._send = host.partition(".")[0], send
        self._told: dict[str, tuple[bool | None, float]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def holds(self, repository: str, api: ProxyApi) -> bool | None:
        """Is a repository in a proxy cache? None if the API does not tell this account."""
        name = repository.partition("/")[0]
        async with self._locks.setdefault(name, asyncio.Lock()):
            known, until = self._told.get(name, (None, 0.0))
            now = asyncio.get_running_loop().time()
            if until <= now:
                known = await self._ask(repository, name, api)
                self._told[name] = known, now + _LASTS
        return known

    async def _ask(self, repository: str, name: str, api: ProxyApi) -> bool | None:
        request = Request("base", name, api.path(name), repository=repository, most=_LONGEST)
        told = None
        with suppress(Unseen, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            response = await self._send(request)
            if response.status == _OK and not response.foreign:
                told = api.told(json.loads(response.body), (name, self._label))
        if told is None:
            _LOG.info("%s %s: its API does not tell whether it is a proxy cache", api.noun, name)
        return told

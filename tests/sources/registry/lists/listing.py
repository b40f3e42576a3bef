"""Lists opened as the configuration opens them, against a server that a test is."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exporter.config.loading import parse
from exporter.tally import Tally
from exporter.wiring.registries import lister, logins
from tests.parts import needs
from tests.parts.http import serving
from tests.sources.registry.lists.conversations import ROBOT, TOKEN
from tests.sources.registry.speaking import QUICK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from exporter.oci.reference import Repository
    from exporter.ports import Listing, RepositoryList
    from exporter.sources.registry.limits import RequestLimits
    from tests.sources.registry.lists.conversations import Conversation

ENVIRON = {"API_TOKEN": TOKEN, "PASSWORD": ROBOT[1]}
ECR = "http://012345678910.dkr.ecr.eu-west-1.amazonaws.com"


@asynccontextmanager
async def opened(
    spoken: Conversation,
    url: str,
    limits: RequestLimits = QUICK,
    environ: Mapping[str, str] = ENVIRON,
) -> AsyncIterator[RepositoryList]:
    if spoken.from_ == "ecr":
        needs.installed("botocore")
    home = ECR if spoken.from_ == "ecr" else url
    login = f", {spoken.login}" if spoken.login else ""
    within = f"from: {spoken.from_}, {spoken.settings}".replace("URL", f"'{url}'")
    text = f"registries: [{{url: '{home}', plain_http: true{login}, repositories: {{{within}}}}}]"
    (registry,) = parse(text.encode(), environ).registries
    found = lister(registry, environ, limits, logins(registry, environ), Tally())
    assert found is not None
    try:
        yield found
    finally:
        await found.aclose()


async def listed(spoken: Conversation, limits: RequestLimits = QUICK) -> Listing[Repository]:
    with serving(spoken) as url:
        async with opened(spoken, url, limits) as lists:
            return await lists.repositories()

"""How often is asked, how long is waited, and when is it given up?"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import Unseen
from exporter.resolve.scrub.reading import Throttle
from tests.parts.http import RESET, Answer, Asked, serving
from tests.sources.registry.speaking import QUICK, registry_at, speaking

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = Repository("app")
V1: Final = Tag("v1")
ZOT: Final = {"Access-Control-Allow-Headers": "X-ZOT-API-CLIENT"}
DIGEST: Final = Digest.of(b"manifest")
FOUND: Final = Answer(
    200, b"", {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(DIGEST)}
)


def first(*answers: Answer) -> tuple[list[Asked], Callable[[Asked], Answer]]:
    """Give these answers, one each, then what was asked for."""
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return answers[len(asked) - 1] if len(asked) <= len(answers) else FOUND

    return asked, answer


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_passing_fault_is_mended_by_asking_again(status: int) -> None:
    asked, answer = first(Answer(status))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == DIGEST

    assert len(asked) == 2
    assert registry.tally.retries == 1


async def test_a_connection_that_breaks_is_asked_again() -> None:
    _, answer = first(RESET, RESET)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == DIGEST


@pytest.mark.parametrize("tries", [1, 2, 4])
async def test_a_fault_that_stays_is_given_up_after_so_many_tries(tries: int) -> None:
    asked, answer = first(*[Answer(500)] * 9)

    with serving(answer) as url:
        async with registry_at(url, replace(QUICK, tries=tries)) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(APP, DIGEST)

    assert (raised.value.reason, len(asked)) == (Reason.SERVER_ERROR, tries)


@pytest.mark.parametrize("status", [401, 403, 400, 412])
async def test_a_refusal_is_not_asked_again(status: int) -> None:
    asked, answer = first(*[Answer(status)] * 9)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen):
                await registry.manifest(APP, DIGEST)

    assert len(asked) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_pauses_everybody_as_far_as_the_cap_allows(status: int) -> None:
    asked, answer = first(Answer(status, headers={"Retry-After": "3600"}))
    loop = asyncio.get_running_loop()

    with serving(answer) as url:
        limits = replace(QUICK, pause_cap=0.05, concurrency=1)
        async with registry_at(url, limits) as registry:
            began = loop.time()
            heads = (registry.head(APP, Tag(f"v{n}")) for n in range(3))
            assert await asyncio.gather(*heads) == [DIGEST] * 3

    assert loop.time() - began >= 0.05
    assert len(asked) == 4
    assert registry.tally.throttled_seconds > 0


async def test_a_registry_that_limits_its_rate_is_audited_whole() -> None:
    tries, budget = 4, 0
    refused: Counter[str] = Counter()
    turn = threading.Lock()

    def answer(request: Asked) -> Answer:
        nonlocal budget
        with turn:
            budget += 1
            if budget % 7 or refused[request.target] == tries - 1:
                return FOUND
            refused[request.target] += 1
            return Answer(429, headers={"Retry-After": "1"})

    with serving(answer) as url:
        limits = replace(QUICK, tries=tries, pause_cap=0.002)
        async with registry_at(url, limits) as registry:
            heads = (registry.head(APP, Tag(f"v{n}")) for n in range(60))
            assert await asyncio.gather(*heads) == [DIGEST] * 60

    assert refused


async def test_a_dead_registry_costs_a_few_questions_not_all_of_them() -> None:
    async with speaking() as server:
        limits = replace(QUICK, concurrency=1, failures=3)
        async with registry_at(server.url, limits) as registry:
            for _ in range(50):
                with pytest.raises(Unseen) as raised:
                    await registry.head(APP, V1)

    assert raised.value.reason is Reason.RESET
    assert registry.tally.requests == {("manifest", "error"): 3 * QUICK.tries}


async def test_a_ping_that_is_answered_ends_failing_fast() -> None:
    down = True

    def answer(_: Asked) -> Answer:
        return Answer(502) if down else FOUND

    with serving(answer) as url:
        async with registry_at(url, replace(QUICK, failures=1)) as registry:
            with pytest.raises(Unseen):
                await registry.head(APP, V1)
            down = False
            with pytest.raises(Unseen, match="502"):
                await registry.head(APP, V1)
            await registry.ping()
            assert await registry.head(APP, V1) == DIGEST


async def test_a_dead_registry_is_probed_now_and_then() -> None:
    _, answer = first(*[Answer(502)] * 4)  # HEAD and GET, twice each

    with serving(answer) as url:
        async with registry_at(url, replace(QUICK, failures=1, probe_after=0.0)) as registry:
            with pytest.raises(Unseen):
                await registry.head(APP, V1)
            assert await registry.head(APP, V1) == DIGEST


async def test_single_manifests_that_break_the_server_do_not_make_it_dead() -> None:
    def answer(request: Asked) -> Answer:
        return FOUND if request.target.endswith("/good") else Answer(500)

    with serving(answer) as url:
        async with registry_at(url, replace(QUICK, failures=1)) as registry:
            for _ in range(3):
                with pytest.raises(Unseen):
                    await registry.head(APP, V1)
            assert await registry.head(APP, Tag("good")) == DIGEST


@pytest.mark.parametrize("status", [200, 401, 403])
async def test_a_registry_that_answers_is_there(status: int) -> None:
    with serving(lambda _: Answer(status, b"{}")) as url:
        async with registry_at(url) as registry:
            await registry.ping()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), Reason.NOT_A_REGISTRY),
        (Answer(404), Reason.NOT_A_REGISTRY),
        (Answer(502), Reason.SERVER_ERROR),
        (Answer(429), Reason.RATE_LIMITED),
        (RESET, Reason.RESET),
    ],
)
async def test_a_ping_that_no_registry_answers_is_unseen(answer: Answer, reason: Reason) -> None:
    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.ping()

    assert raised.value.reason is reason


async def test_requests_are_counted_by_endpoint_and_code() -> None:
    asked, answer = first(Answer(500), FOUND, Answer(404), Answer(403))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.head(APP, V1)
            with pytest.raises(Unseen):
                await registry.manifest(APP, DIGEST)
            with pytest.raises(Unseen):
                await registry.tags(APP)
            await registry.ping()

    assert registry.tally.requests == {
        ("manifest", "5xx"): 1,
        ("manifest", "2xx"): 1,
        ("manifest", "404"): 1,
        ("tags", "403"): 1,
        ("base", "2xx"): 1,
    }
    assert sum(registry.tally.durations["manifest"].counts) == 3
    assert registry.tally.durations["manifest"].total > 0
    assert len(asked) == 5


async def test_each_hop_of_a_redirect_is_counted_apart() -> None:
    with (
        serving(lambda _: FOUND) as there,
        serving(lambda _: Answer(307, headers={"Location": there})) as url,
    ):
        async with registry_at(url) as registry:
            await registry.head(APP, V1)

    assert registry.tally.requests == {("manifest", "3xx"): 1, ("redirect", "2xx"): 1}


async def test_nothing_is_sent_about_a_repository_in_a_pull_through_cache() -> None:
    asked, answer = first()
    parts = (RegistryPart(("app",), Role.OWNED), RegistryPart(("*",), Role.PROXY))
    blob, sink = Descriptor("", DIGEST, 8), Throttle(None, print)

    with serving(answer) as url:
        async with registry_at(url, replace(QUICK, parts=parts)) as registry:
            proxied = Repository("prox/app")
            for request in (
                registry.head(proxied, V1),
                registry.verify_tag(proxied, V1, DIGEST),
                registry.manifest(proxied, DIGEST),
                registry.tags(proxied),
                registry.kind(proxied),
                registry.stat(proxied, blob),
                registry.read(proxied, blob),
                registry.beside().prove(proxied, blob, sink),
            ):
                with pytest.raises(Unseen, match="pull-through") as raised:
                    await request
                assert raised.value.reason is Reason.BY_DESIGN
            assert asked == []
            assert await registry.head(APP, V1) == DIGEST


async def test_a_kind_that_pays_for_each_blob_with_a_search_is_asked_few_at_once() -> None:
    inside: list[Asked] = []
    most: list[int] = []

    def answer(request: Asked) -> Answer:
        inside.append(request)
        time.sleep(0.02)  # so that all others that may come are here
        most.append(len(inside))
        inside.remove(request)
        return replace(FOUND, headers={**FOUND.headers, **ZOT})

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.ping()
            await asyncio.gather(*(registry.head(APP, V1) for _ in range(24)))

    assert max(most) == 4

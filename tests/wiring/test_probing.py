"""A probe reaches the registry that its reference names, looks at that alone, or is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.proof import State
from exporter.facts.shard import Shard
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.web.probe import Asked, Module, NotProbed
from exporter.resolve.scope import AuditScope
from exporter.serve.audit_job import Watched
from exporter.tally import Tally
from exporter.wiring.probing import Probing
from tests.fakes import HOST, Fake, target
from tests.incident import AMD64, broken, stocked

if TYPE_CHECKING:
    from exporter.resolve.target import Target

V1 = Asked(Reference.parse(f"{HOST}/app:v1"))


def watched(asked: Target) -> Watched:
    return Watched(asked, Tally(), 60.0, 60.0)


async def test_only_the_reference_is_looked_at() -> None:
    registry = stocked()
    registry.push(AMD64, "other")
    probing = Probing()
    with probing.aimed([watched(target(registry))]):
        report = await probing(V1)

    assert [each.root.name for each in report.verdicts] == ["v1"]
    assert "catalogue" not in {kind for _, kind, *_ in registry.asked}
    assert registry.asked_about("other") == 0


async def test_what_must_run_is_what_is_asked_for_or_else_what_the_settings_require() -> None:
    registry, _ = await broken()
    aimed = target(registry, scope=AuditScope(require=frozenset({Platform("linux", "arm64")})))
    probing = Probing()
    with probing.aimed([watched(aimed)]):
        required = await probing(V1)
        asked = await probing(replace(V1, platforms=frozenset({Platform("linux", "amd64")})))

    assert required.verdicts[0].state is State.BROKEN
    assert asked.verdicts[0].state is State.PRESENT


async def test_believing_headers_reads_no_byte() -> None:
    registry = stocked()
    probing = Probing()
    with probing.aimed([watched(target(registry))]):
        await probing(replace(V1, module=Module.HEAD))
        asked = len(registry.asked)
        heads = {method for method, kind, *_ in registry.asked if kind == "blob"}
        await probing(V1)
        reads = {method for method, kind, *_ in registry.asked[asked:] if kind == "blob"}

    assert heads == {"HEAD"}
    assert "GET" in reads


async def test_every_name_of_a_registry_leads_to_it_and_every_shard_may_be_asked() -> None:
    registry = stocked()
    hosts = frozenset({HOST, "alias.example"})
    for index in (0, 1):
        aimed = target(registry, hosts=hosts, scope=AuditScope(shard=Shard(index, 2)))
        probing = Probing()
        with probing.aimed([watched(aimed)]):
            report = await probing(Asked(Reference.parse("alias.example/app:v1")))
        assert [each.state for each in report.verdicts] == [State.PRESENT]


async def test_a_stranger_is_refused_and_nobody_is_asked() -> None:
    registry = Fake()
    probing = Probing()
    with (
        probing.aimed([watched(target(registry))]),
        pytest.raises(
            NotProbed, match=rf"other.example: not a configured registry \(configured: {HOST}\)"
        ),
    ):
        await probing(Asked(Reference.parse("other.example/app:v1")))

    assert registry.asked == []


async def test_a_pull_through_cache_is_refused() -> None:
    registry = stocked()
    probing = Probing()
    with (
        probing.aimed([watched(target(registry, role=Role.PROXY))]),
        pytest.raises(NotProbed, match="are not audited"),
    ):
        await probing(V1)

    assert registry.asked == []


async def test_an_image_of_a_proxied_part_is_refused_and_another_is_not() -> None:
    registry = stocked()
    probing = Probing()
    parts = (RegistryPart(("prox/*",), Role.PROXY),)
    with probing.aimed([watched(target(registry, parts=parts))]):
        with pytest.raises(NotProbed, match=r"prox/app: pull-through caches are not audited"):
            await probing(Asked(Reference.parse(f"{HOST}/prox/app:v1")))
        assert registry.asked == []
        assert (await probing(V1)).verdicts


async def test_the_storage_is_not_read() -> None:
    class Untouched:
        def read(self) -> object:
            raise AssertionError("a probe reads no storage")

    probing = Probing()
    with probing.aimed([watched(target(stocked(), storage=Untouched()))]):
        assert (await probing(V1)).storage is None


async def test_a_probe_under_way_ends_with_the_configuration_that_it_ran_under() -> None:
    registry = stocked()
    registry.patience = 0
    probing = Probing()
    with probing.aimed([watched(target(registry))]):
        asking = asyncio.create_task(probing(V1))
        await registry.stuck.wait()

    with pytest.raises(NotProbed, match="try again"):
        await asking
    with pytest.raises(NotProbed, match="configured: none"):
        await probing(V1)


async def test_a_probe_whose_time_is_over_asks_nothing_more() -> None:
    registry = stocked()
    registry.patience = 0
    probing = Probing()
    with probing.aimed([watched(target(registry))]):
        asking = asyncio.create_task(probing(V1))
        await registry.stuck.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        registry.patience = None

    assert registry.under_way == 0

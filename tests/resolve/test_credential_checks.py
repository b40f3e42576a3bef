from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.snapshot import Admission, Role
from exporter.oci.reference import Place
from exporter.ports import Listing
from exporter.resolve.guard import Faults, guarded
from exporter.resolve.observe import observe
from exporter.serve.logs import JsonLines
from tests.fakes import APP, HOST, NOW, Fake, target, use
from tests.worlds import image

if TYPE_CHECKING:
    import pytest

    from exporter.facts.snapshot import Snapshot
    from exporter.facts.use import Use

IMAGE = image("wanted")


@dataclass
class Bell:
    """Admits everybody, and remembers who rang where."""

    rung: list[tuple[str, str, Place]] = field(default_factory=list)

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        self.rung.append((login, host, place))
        return Admission(login, place[0], admitted=True)


async def seen(registry: Fake, bell: Bell, *uses: Use, role: Role = Role.OWNED) -> Snapshot:
    told = guarded(target(registry, credential_check=bell, role=role), Faults(registry.name))
    return await observe(told, Listing(uses), None, NOW)


async def test_a_login_rings_once_at_a_repository_however_many_workloads_use_it() -> None:
    registry, bell = Fake(), Bell()
    registry.push(IMAGE, "v1")
    registry.push(IMAGE, "v2")

    snapshot = await seen(
        registry,
        bell,
        use("app:v1", login="shop: a"),
        use("app:v2", login="shop: a"),
        use("app:v1", login="shop: b"),
        use("app:v1"),
    )

    assert bell.rung == [(login, HOST, (APP, IMAGE.digest)) for login in ("shop: a", "shop: b")]
    assert snapshot.admissions == (
        Admission("shop: a", APP, admitted=True),
        Admission("shop: b", APP, admitted=True),
    )


async def test_nobody_rings_where_nothing_is_proven_to_be() -> None:
    bell = Bell()

    snapshot = await seen(Fake(), bell, use("app:v1", login="shop: a"))

    assert (bell.rung, snapshot.admissions) == ([], ())


async def test_nobody_rings_at_a_pull_through_cache() -> None:
    registry, bell = Fake(), Bell()
    registry.push(IMAGE, "v1")

    await seen(registry, bell, use("app:v1", login="shop: a"), role=Role.PROXY)

    assert bell.rung == []


class Broken(Bell):
    """Fails for one login in a way that nobody foresaw."""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        if login == "shop: a":
            raise RuntimeError("sesame")
        return await super().admits(login, host, place)


async def test_credentials_that_cannot_be_tried_cost_themselves_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = Fake()
    registry.push(IMAGE, "v1")
    uses = (use("app:v1", login="shop: a"), use("app:v1", login="shop: b"))

    snapshot = await seen(registry, Broken(), *uses)

    assert snapshot.admissions == (
        Admission("shop: a", APP, None, Reason.INTERNAL, "see the log"),
        Admission("shop: b", APP, admitted=True),
    )
    assert [root.sighting.state for root in snapshot.roots] == [State.PRESENT]
    (record,) = caplog.records
    logged = JsonLines().format(record)
    assert "shop: a" in logged
    assert "test_credential_checks.py" in logged
    assert "sesame" not in logged

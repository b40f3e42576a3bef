"""Is a kind of registry added in one place, by what `exporter.ports.OpenRegistry` asks of it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from exporter.audit import audit
from exporter.config.registry import RegistrySettings, ScrubSettings, TagsSettings
from exporter.config.settings import Settings
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Admission
from exporter.ports import Listing, Wrong
from exporter.tally import Tally
from exporter.wiring.assembly import assembled
from exporter.wiring.registries import KINDS
from tests.fakes import Fake
from tests.worlds import image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from exporter.oci.reference import Place
    from exporter.ports import OpenRegistry

NOW: Final = 1_700_000_000.0


@dataclass
class Toy(Fake):
    """A registry in memory; implements `exporter.ports.OpenRegistry`."""

    tally: Tally = field(default_factory=Tally)
    shared: bool = False
    open: int = 1

    def beside(self) -> Self:
        self.open += 1
        return self

    def credential_check(self, _: Callable[[], Mapping[str, tuple[bytes, ...]]]) -> Let:
        return Let()

    async def prove(self, *_: object, again: bool = False) -> Wrong | None:
        return Wrong("unread") if again else None

    async def aclose(self) -> None:
        self.open -= 1


class Let:
    """Lets everybody in; implements `exporter.ports.CredentialCheck`."""

    async def admits(self, login: str, _: str, place: Place) -> Admission:
        return Admission(login, place[0], True)


async def test_a_new_kind_is_audited_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(collects=Collector.UNKNOWN)
    toy.push(image("kept"), "v1")
    toy.sweep(toy.push(image("lost"), "v2").blobs[0].digest)
    opened: list[str] = []

    def open_toy(registry: RegistrySettings, _: Mapping[str, str]) -> OpenRegistry:
        opened.append(registry.label)
        return toy

    monkeypatch.setitem(KINDS, "https", open_toy)
    registry = RegistrySettings(
        url=f"https://{toy.name}", tags=TagsSettings(latest=("*",)), scrub=ScrubSettings()
    )
    settings = Settings(registries=(registry,), confirm_after=timedelta(0))

    async with assembled(settings, {}) as assembly:
        (watched,) = assembly.watched
        report = await audit(watched.target, Listing(()), None, NOW)

    states = {str(each.verdict.root.tag): each.verdict.state for each in report.tags}
    assert opened == [toy.name]
    assert states == {"v1": "present", "v2": "broken"}
    assert toy.open == 0

"""Can the exporter be set up from what the demonstration writes?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from exporter.config.loading import load
from exporter.config.values import HostPort
from exporter.demo.configuration import write
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.platform import Platform
from exporter.sources.references import ReferenceFile


def test_the_configuration_loads_and_names_both_registries(tmp_path: Path) -> None:
    path = write(tmp_path, owned="127.0.0.1:5000", mirror="127.0.0.1:5001", listen="127.0.0.1:0")

    settings = load(path, {})
    owned, mirror = settings.registries

    assert settings.listen == (HostPort("127.0.0.1", 0),)
    assert (settings.interval, settings.confirm_after) == (
        timedelta(seconds=30),
        timedelta(seconds=1),
    )
    assert (owned.role, owned.collector) == (Role.OWNED, Collector.DISTRIBUTION_2)
    assert mirror.role is Role.PROXY
    # By either name: what a page tells to type works with this configuration.
    assert owned.hosts == {"127.0.0.1:5000", "registry.example.com"}
    assert mirror.hosts == {"127.0.0.1:5001", "mirror.example.com"}


def test_what_runs_is_live_on_the_platforms_of_its_nodes(tmp_path: Path) -> None:
    path = write(tmp_path, owned="127.0.0.1:5000", mirror="127.0.0.1:5001", listen=":0")
    both, one = (
        ReferenceFile(each.file or Path(), each.reference_class, frozenset(each.platforms)).uses()
        for each in load(path, {}).references
    )

    assert both.complete
    assert one.complete
    assert {use.reference_class for use in both.entries} == {ReferenceClass.LIVE}
    assert [str(use.reference.repository) for use in both.entries] == [
        "shop/frontend",
        "shop/checkout",
        "platform/payments",
        "platform/search",
    ]
    assert [use.reference.registry for use in one.entries] == ["127.0.0.1:5000", "127.0.0.1:5001"]
    assert {use.platforms for use in one.entries} == {frozenset({Platform("linux", "amd64")})}

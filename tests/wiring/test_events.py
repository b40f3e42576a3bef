"""Whose events cause an audit here, and who may send them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from exporter.config.loading import parse
from exporter.facts.shard import Shard
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.resolve.scope import AuditScope
from exporter.wiring.events import AuditedRepositories, read_token
from tests import worlds
from tests.fakes import Fake, audited, target, use
from tests.publish.reports import status
from tests.serve.test_audit_job import board

if TYPE_CHECKING:
    from pathlib import Path

SCOPE = AuditScope(select=("*",), only=("shop/*",), leave_out=("shop/old/*",))


def admitted(scope: AuditScope, *names: str, **more: object) -> list[str]:
    found = AuditedRepositories(replace(target(Fake(), scope=scope), **more), board())
    return [name for name in names if found.admits(Repository(name))]


def test_events_of_repositories_out_of_scope_cause_nothing() -> None:
    names = ("shop/app", "shop/old/app", "team/app")

    assert admitted(SCOPE, *names) == ["shop/app"]
    assert admitted(replace(SCOPE, catalogue=False), *names) == []
    assert admitted(replace(SCOPE, listed=(Repository("team/app"),)), *names) == [*names[::2]]


def test_of_namespaces_that_are_listed_the_case_does_not_matter() -> None:
    scope = AuditScope(select=("*",), namespaces=("Shop", "team/sub"))

    names = ("shop/app", "shopping/app", "team/app", "team/sub/app")

    assert admitted(scope, *names) == ["shop/app", "team/sub/app"]


def test_each_repository_causes_an_audit_in_one_shard() -> None:
    names = [f"shop/app{number}" for number in range(20)]
    found = [admitted(replace(SCOPE, shard=Shard(index, 3)), *names) for index in range(3)]

    assert sorted(name for part in found for name in part) == sorted(names)


def test_events_of_a_pull_through_cache_cause_nothing() -> None:
    parts = (RegistryPart(("shop/hub/*",), Role.PROXY),)

    assert admitted(SCOPE, "shop/app", "shop/hub/nginx", parts=parts) == ["shop/app"]


async def test_what_something_uses_causes_an_audit_though_it_is_out_of_scope() -> None:
    fake = Fake()
    fake.push(worlds.two_platforms("app"), "v1")
    asked = target(fake, scope=replace(SCOPE, catalogue=False))
    shown = board()
    found = AuditedRepositories(asked, shown)
    before = found.admits(Repository("app"))

    report = await audited(asked, use("app:v1"))
    await shown.show(replace(status(report), known=report))

    assert not before
    assert found.admits(Repository("app"))
    assert not found.admits(Repository("other"))


def test_a_token_is_read_anew_and_one_that_is_gone_is_unseen(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    text = f"registries: [{{url: 'https://a.example', events: {{token_file: '{file}'}}}}]"
    settings = parse(text.encode(), {}).registries[0].events
    assert settings
    token = partial(read_token, settings)

    first = token()
    file.write_text("second")
    second = token()
    file.unlink()

    assert (first, second) == ("first", "second")
    with pytest.raises(Unseen):
        token()

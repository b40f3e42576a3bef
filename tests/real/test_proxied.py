"""A host with owned and proxied repositories, as Harbor: nobody looks at what upstream has."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from exporter.audit import audit
from exporter.commands.scrub import scrub_once
from exporter.config.settings import Settings
from exporter.wiring.assembly import assembled
from tests.fakes import NOW
from tests.parts.front import Front, before, front
from tests.parts.http import Answer, Asked
from tests.parts.process import PATIENCE
from tests.parts.product import configure, run
from tests.parts.registry import Settings as Served
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

PROXIED: Final = "prox/lib/app"
"""As it is named upstream as well: distribution keeps names."""


@contextmanager
def harbor(folder: Path) -> Iterator[tuple[Front, Front]]:
    """A host whose project `prox` is a real pull-through cache, and the way to its upstream."""
    with (
        registry(folder / "upstream") as upstream,
        registry(folder / "owned") as owned,
        front(upstream) as seen,
        registry(folder / "cache", Served(mirror_of=seen.url)) as cache,
    ):
        for tag in ("v1", "v2", "latest"):
            upstream.push(PROXIED, two_platforms(tag), tag)
        owned.push("team/app", two_platforms("ours"), "v1")

        def answer(asked: Asked) -> Answer | None:
            if asked.target.startswith("/v2/_catalog"):
                body = json.dumps({"repositories": [PROXIED, "team/app"]}).encode()
                return Answer(200, body, {"Content-Type": "application/json"})
            if not asked.target.startswith("/v2/prox/"):
                return None
            headers = {"Accept": asked.headers.get("Accept", "*/*")}
            where = cache.url + asked.target
            found = httpx.request(
                asked.method, where, headers=headers, trust_env=False, timeout=PATIENCE
            )
            kept = {
                name: found.headers[name] for name in ("Content-Type",) if name in found.headers
            }
            return Answer(found.status_code, found.content, kept)

        seen.asked.clear()  # a cache greets its upstream when it starts
        with before(owned.url, answer) as host:
            yield host, seen


def settings(host: Front, folder: Path) -> dict[str, Any]:
    """The configuration of a host with a proxied part, and images in use of both."""
    (folder / "live.txt").write_text(f"{host.host}/team/app:v1\n{host.host}/{PROXIED}:v2\n")
    return {
        "confirm_after": "0s",
        "registries": [
            {
                "url": host.url,
                "plain_http": True,
                "parts": [{"repositories": ["prox/*"], "role": "proxy"}],
                "tags": {"select": ["*"]},
                "scrub": {},
            }
        ],
        "references": [{"file": str(folder / "live.txt")}],
    }


async def test_ten_audits_and_a_scrub_fetch_nothing_from_upstream(tmp_path: Path) -> None:
    with harbor(tmp_path) as (host, upstream):
        configured = Settings.model_validate(settings(host, tmp_path), strict=False)
        async with assembled(configured, {}) as assembly:
            (watched,) = assembly.watched
            uses, report = (await assembly.references()).uses, None
            for _ in range(10):
                report = await audit(watched.target, uses, report, NOW)
            report = await scrub_once(watched.target, uses)

    assert not upstream.asked
    assert not any("/prox/" in each.target for each in host.asked)
    states = {verdict.name: verdict.state.value for verdict in report.verdicts}
    assert states == {"team/app:v1": "present", f"{PROXIED}:v2": "unknown"}
    assert report.snapshot.unasked == (PROXIED,)


def test_every_command_leaves_a_proxied_part_alone_and_says_so(tmp_path: Path) -> None:
    with harbor(tmp_path) as (host, upstream):
        configure(tmp_path / "pullproof.yml", settings(host, tmp_path))
        told = ("--config", str(tmp_path / "pullproof.yml"))
        everything = run("check", *told)
        one = run("check", f"{host.host}/{PROXIED}:v2", *told)
        never = run("check", f"{host.host}/{PROXIED}:nobody-has-it", *told)
        whole = run("check", host.host, *told)
        inspected = run("inspect", f"{host.host}/{PROXIED}:v2", *told)
        explained = run("explain", f"{host.host}/{PROXIED}@{two_platforms('v1').digest}", *told)
        protected = run("protect", f"{host.host}/{PROXIED}:v2", *told)
        scrubbed = run("scrub", f"{host.host}/{PROXIED}:v2", *told)

    assert not upstream.asked
    assert not any("/prox/" in each.target for each in host.asked)
    assert everything.code == whole.code == 0
    said = "Not requested: 1 repository of prox/*. A pull-through cache would fetch from upstream"
    for each in (everything, one, never, whole):
        assert said in " ".join(each.output.split())
    assert {one.code, never.code, inspected.code, scrubbed.code} == {3}
    assert explained.code in (1, 3)
    assert protected.code == 0
    assert "would fetch from upstream" in " ".join(inspected.output.split())
    assert "MISSING" not in one.output + never.output + inspected.output

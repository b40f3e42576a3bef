"""How many manifests are read of a registry that states a pull limit?"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import cli
from exporter.facts.gap import Reason, Scope
from exporter.facts.registry_kind import Pulls
from exporter.oci.links import OCI_MANIFEST
from exporter.oci.reference import Repository
from exporter.ports import ManifestBody, Unseen
from exporter.sources.registry.limits import PullBudget
from tests.fakes import Fake, audited, target, verdict
from tests.parts.counting import Counting
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import QUICK, registry_at
from tests.worlds import Made, image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

APP: Final = Repository("team/app")
IMAGES: Final = tuple(image(f"image {number}") for number in range(30))
RECORDED: Final = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}
"""registry-1.docker.io to a HEAD, 2023-08-23."""
DOCUMENTED: Final = {"ratelimit-limit": "100;w=3600", "ratelimit-remaining": "20;w=3600"}
"""Docker Hub pull usage and limits, 2025."""


def may_read(budget: PullBudget, now: float) -> bool:
    with suppress(Unseen), budget.reading("app", now):
        return True
    return False


def stating(made: Made, headers: Mapping[str, str]) -> Callable[[Asked], Answer]:
    found = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(made.digest)}
    return lambda _: Answer(200, made.body, {**found, **headers})


def test_what_docker_hub_states_is_understood() -> None:
    budget = PullBudget()
    assert may_read(budget, 0.0)
    budget.note(RECORDED, 0.0)
    with pytest.raises(Unseen) as raised, budget.reading("app", 21599.0):
        pass
    assert raised.value.reason is Reason.RATE_LIMITED
    assert "limit of 100 pulls in 6 hours" in raised.value.detail
    assert may_read(budget, 21600.0), "the window has passed"
    budget.note(DOCUMENTED, 0.0)
    assert may_read(budget, 0.0), "pulls are left again"


@given(limit=st.integers(0, 300), left=st.integers(0, 300), width=st.integers(1, 40))
def test_a_tenth_of_the_limit_is_left_however_many_are_read_at_once(
    limit: int, left: int, width: int
) -> None:
    budget = PullBudget()

    async def read_all() -> int:
        read = 0

        async def one() -> None:
            nonlocal read
            with suppress(Unseen), budget.reading("app", 0.0):
                read += 1
                await asyncio.sleep(0)

        await asyncio.gather(*(one() for _ in range(width)))
        return read

    budget.note({"ratelimit-limit": f"{limit};w=60", "ratelimit-remaining": f"{left};w=60"}, 0.0)
    read = asyncio.run(read_all())
    assert read == width or (left - read) * 10 < limit
    assert not read or (left - read + 1) * 10 >= limit


@pytest.mark.parametrize(
    "remaining",
    ["", "0", "0;w=", "-1;w=60", "0;w=60, 5;w=60", "\u0660;w=60", "0;w=60;w=60", "9" * 5000],
)
def test_headers_that_say_nothing_clear_limit_nothing(remaining: str) -> None:
    budget = PullBudget()
    budget.note({"ratelimit-limit": "100;w=60", "ratelimit-remaining": remaining}, 0.0)
    assert may_read(budget, 0.0)
    assert not budget.stated


async def test_after_a_head_that_shows_no_pulls_left_no_manifest_is_requested() -> None:
    asked: list[str] = []
    (made, *_) = IMAGES
    answer = stating(made, RECORDED)

    def counted(request: Asked) -> Answer:
        asked.append(request.method)
        return answer(request)

    with serving(counted) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, made.digest) == made.digest
            other = registry.beside()
            for each in (registry, other):
                with pytest.raises(Unseen, match="rate-limited"):
                    await each.manifest(APP, made.digest)
                assert await each.head(APP, made.digest) == made.digest
            assert registry.leaves_trace
            await other.aclose()

    assert "GET" not in asked


async def test_an_account_that_is_not_counted_has_no_budget() -> None:
    (made, *_) = IMAGES
    with serving(stating(made, RECORDED)) as url:
        async with registry_at(url, replace(QUICK, pulls=Pulls.UNCOUNTED)) as registry:
            await registry.head(APP, made.digest)
            assert isinstance(await registry.manifest(APP, made.digest), ManifestBody)


async def test_a_host_that_a_redirect_leads_to_sets_no_budget() -> None:
    (made, *_) = IMAGES
    with serving(stating(made, RECORDED)) as elsewhere:
        away = Answer(307, b"", {"Location": f"{elsewhere}/there"})
        with serving(lambda _: away) as url:
            async with registry_at(url) as registry:
                for _ in range(2):
                    assert isinstance(await registry.manifest(APP, made.digest), ManifestBody)


@pytest.mark.parametrize("kind", ["unknown", "gitea"])
def test_an_audit_leaves_a_tenth_of_the_limit_and_says_so_once(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was read stays known, and is asked for by HEAD: the next audit reads what is left."""
    registry = Counting(kind, limit=20)
    for number, made in enumerate(IMAGES):
        registry.push(made, f"v{number}")
    del registry.blobs[IMAGES[0].layers[0].digest]
    with registry.served() as host:
        for _ in range(4):
            states, gaps = told(checked(host, tmp_path), capsys)
            assert 10 < registry.pulls < 20
            assert (states["broken"] + states["missing"], states["unknown"]) == (
                1,
                len(IMAGES) - registry.pulls,
            )
            (limited,) = (gap for gap in gaps if gap["reason"] == "rate-limited")
            assert "in 6 hours" in limited["detail"]

    assert registry.pulls == 19, "two of twenty were left, and one was read"


async def test_a_denial_that_only_a_counted_request_could_prove_is_unknown() -> None:
    asked: list[str] = []

    def denied(request: Asked) -> Answer:
        asked.append(request.method)
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        return Answer(404, body, {"Content-Type": "application/json", **RECORDED})

    with serving(denied) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen, match="rate-limited"):
                await registry.head(APP, IMAGES[0].digest)

    assert asked == ["HEAD"]


async def test_a_tag_that_a_limit_kept_from_being_resolved_is_a_gap() -> None:
    registry = Fake()
    registry.push(IMAGES[0], "v1")
    registry.spoil("v1", Reason.RATE_LIMITED)
    report = await audited(target(registry))

    (gap,) = report.snapshot.gaps
    assert (gap.scope, gap.reason, gap.detail) == (
        Scope.REGISTRY,
        Reason.RATE_LIMITED,
        "as scripted",
    )
    assert verdict(report).root.sighting.reason is Reason.RATE_LIMITED


def checked(host: str, folder: Path) -> int:
    (folder / "docker").write_text(json.dumps({"auths": {host: {"auth": "YTpi"}}}))
    (folder / "ledger").touch()
    own = {"url": f"http://{host}", "plain_http": True, "docker_config": str(folder / "docker")}
    own["tags"] = {"select": ["*"]}
    document = {"ledger": str(folder / "ledger"), "confirm_after": "1ms", "registries": [own]}
    (folder / "config.json").write_text(json.dumps(document))
    return cli.main(["check", "--config", str(folder / "config.json"), "--output", "json"])


def told(
    code: int, capsys: pytest.CaptureFixture[str]
) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Return how many tags are in each state, and the gaps."""
    assert code == 1
    document = json.loads(capsys.readouterr().out)
    report = document.get("reports", [document])[0]
    return Counter(each["state"] for each in report["tags"]), report["gaps"]

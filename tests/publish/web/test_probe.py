"""A probe answers for one reference, in the time it has, and asks nobody it does not know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.publish.web.probe import Asked, Module, NotProbed, time_limit
from tests.parts.process import PATIENCE
from tests.publish.reports import (
    ARM64,
    MISSING,
    attestation,
    child,
    report,
    tag,
    unreadable,
)
from tests.publish.web.serving import Board, nobody, serving

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.web.probe import Prober

PATH = "/probe?target=registry.example/app:v1"
BROKEN = report(tag("app:v1", child("amd64"), child("arm64", MISSING), attestation(MISSING)))


def saying(about: Report) -> Prober:
    async def probe(_: Asked) -> Report:
        return about

    return probe


async def ask(path: str, prober: Prober, **headers: str) -> httpx.Response:
    async with (
        serving(board=Board(prober=prober)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        return await http.get(path, headers=headers)


def values(answer: httpx.Response) -> dict[str, float]:
    """What each series says, named by its label values."""
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return {" ".join((each.name, *each.labels.values())): each.value for each in samples}


async def test_what_can_be_pulled_is_a_success() -> None:
    answer = await ask(PATH, saying(report(tag("app:v1", child()))))
    said = values(answer)

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (said["probe_success"], said["probe_state present"]) == (1, 1)
    assert said["probe_children required present"] == 1
    assert said["probe_duration_seconds"] >= 0
    assert not any(name.startswith(("pullproof_", "process_")) for name in said)


async def test_what_is_lost_is_none_and_is_counted_by_need() -> None:
    said = values(await ask(PATH, saying(BROKEN)))

    assert (said["probe_success"], said["probe_state broken"]) == (0, 1)
    assert said["probe_children required missing"] == 1
    assert said["probe_children optional missing"] == 1
    assert said["probe_children required present"] == 1


async def test_a_platform_that_is_not_offered_is_counted() -> None:
    lacking = report(tag("app:v1", child(), lacking=(ARM64,)))

    assert values(await ask(PATH, saying(lacking)))["probe_lacking_platforms"] == 1


@pytest.mark.parametrize("about", [report(unreadable("app:v1")), report()])
async def test_what_could_not_be_told_is_neither_lost_nor_a_success(about: Report) -> None:
    said = values(await ask(PATH, saying(about)))

    assert (said["probe_success"], said["probe_state unknown"]) == (0, 1)
    assert said["probe_state missing"] == said["probe_state broken"] == 0


async def test_a_probe_ends_before_the_scrape_does() -> None:
    async def forever(_: Asked) -> Report:
        await asyncio.Event().wait()
        raise AssertionError

    timeout = {"X-Prometheus-Scrape-Timeout-Seconds": "0.2"}
    said = values(await ask(PATH, forever, **timeout))

    assert (said["probe_success"], said["probe_timed_out"], said["probe_state unknown"]) == (
        0,
        1,
        1,
    )


async def test_a_few_probes_run_at_once_and_one_more_is_told_when_its_time_is_over() -> None:
    running, full, end = 0, asyncio.Event(), asyncio.Event()

    async def slow(_: Asked) -> Report:
        nonlocal running
        running += 1
        if running == 4:
            full.set()
        await end.wait()
        return BROKEN

    async with (
        serving(board=Board(prober=slow)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        begun = [asyncio.create_task(http.get(PATH)) for _ in range(4)]
        await full.wait()
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": "0.1"}
        refused = await http.get(PATH, headers=headers)
        end.set()
        answers = await asyncio.gather(*begun)

    assert (refused.status_code, refused.text) == (503, "too many probes at once\n")
    assert running == 4
    assert [each.status_code for each in answers] == [200] * 4


async def test_what_is_asked_for_reaches_the_prober_as_it_was_meant() -> None:
    heard: list[Asked] = []

    async def note(asked: Asked) -> Report:
        heard.append(asked)
        return BROKEN

    platforms = "platform=linux/arm64&platform=linux/amd64"
    await ask(f"{PATH}&module=head&{platforms}", note)

    (asked,) = heard
    assert str(asked.reference) == "registry.example/app:v1"
    assert asked.module is Module.HEAD
    assert asked.platforms == {Platform("linux", "arm64"), Platform("linux", "amd64")}


async def test_for_a_person_it_shows_what_was_seen() -> None:
    text = (await ask(f"{PATH}&debug=true", saying(BROKEN))).text

    assert "linux/arm64 image  MISSING" in text
    assert "probe_success 0" in text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "target: give a reference, host/repository:tag"),
        ("target=a.example/UPPER", "not a repository name"),
        ("target=a.example/b&module=http_2xx", "module: 'http_2xx' is none of last-byte, head"),
        ("target=a.example/b&timeout=5", "timeout: unknown parameter; known are target"),
        ("target=a.example/b&platform=x", "platform"),
        ("target=other.example/app:v1", "other.example: no configured registry"),
    ],
)
async def test_what_must_not_be_asked_is_refused_with_the_reason(query: str, told: str) -> None:
    answer = await ask(f"/probe?{query}", nobody)

    assert answer.status_code == 400
    assert told in answer.text


async def test_a_prober_that_cannot_now_says_why() -> None:
    async def changing(_: Asked) -> Report:
        raise NotProbed("the configuration is being reloaded: try again")

    assert (await ask(PATH, changing)).text == "the configuration is being reloaded: try again\n"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 25.0), ("10", 9.5), ("0.3", 0.1), ("120", 25.0), ("inf", 25.0), ("1e1", 9.5)],
)
def test_a_probe_has_the_time_of_the_scrape_without_the_way(header: str, seconds: float) -> None:
    assert time_limit(header) == seconds


@pytest.mark.parametrize("header", ["ten", "0", "-1", "nan"])
def test_what_is_no_time_is_refused(header: str) -> None:
    with pytest.raises(Malformed, match="X-Prometheus-Scrape-Timeout-Seconds"):
        time_limit(header)

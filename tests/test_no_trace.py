"""Nothing that pullproof does changes what a registry's own cleanup decides, without consent."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from exporter.config.loading import load
from exporter.facts.focus import ImageEvent
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Reference, Repository, Tag
from exporter.ports import Unseen
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, Reload
from exporter.publish.web.probe import Asked
from exporter.repair.spool import NoSink
from exporter.serve.audit_job import AuditJob
from exporter.serve.board import Board
from exporter.serve.event_queue import heard
from exporter.serve.schedule import Schedule
from exporter.sources.registry.credentials import FixedLogin
from exporter.sources.registry.manifests import manifest
from exporter.wiring.assembly import assembled
from exporter.wiring.events import event_queues
from exporter.wiring.probing import Probing
from exporter.wiring.registries import distribution
from tests.parts.counting import Counting
from tests.parts.http import Answer
from tests.parts.process import PATIENCE
from tests.parts.recorded import replayed
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts import http
    from tests.parts.recorded import Recording

APP: Final = Repository("team/app")
V1: Final = Tag("v1")
IMAGE: Final = two_platforms("app")
LOSSY: Final = two_platforms("lossy")
LAYERLESS: Final = two_platforms("layerless")
ACCOUNT: Final = "cm9ib3Q6cw=="
"""The login `robot:s`, as it is sent."""
DECIDING: Final = ("harbor", "artifactory", "nexus", "ecr", "quay")
"""The kinds whose cleanup decides by what a read changes."""
_COUNTED: Final = re.compile("GET .*/manifests/")
"""What Harbor counts if it succeeds (2.15.2, its database)."""
COMMANDS: Final = (
    "check {host}",
    "check {host}/team/app:v1",
    "check {host}/team/app:v1 --head-only",
    "inspect {host}/team/app:v1",
    "explain {host}/team/app:v1",
    "snapshot {folder}/s {host}",
    "protect {host}",
    "protect {host} --apply",
    "scrub {host}",
    "scrub {host}/team/app:v1",
    "repair {host}/team/app:v1",
    "repair {host}/team/app:v1 --apply --scrub",
    "facts export {host} --to {folder}/lake",
)


def stocked(kind: str) -> Counting:
    registry = Counting(kind)
    registry.push(IMAGE, "v1")
    registry.push(LOSSY, "v2")
    del registry.manifests[LOSSY.children[0].digest]
    registry.push(LAYERLESS, "v3")
    del registry.blobs[LAYERLESS.children[0].layers[0].digest]
    return registry


@pytest.fixture(params=DECIDING)
def registry(request: pytest.FixtureRequest) -> Counting:
    return stocked(request.param)


def run(line: str, *more: object) -> int:
    words = [*line.split(), "--plain-http", "--confirm-after", "0s", *map(str, more)]
    return cli.main(words)


@pytest.mark.parametrize("line", COMMANDS)
def test_no_command_sends_a_request_that_decides_without_consent(
    registry: Counting, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = tmp_path / "config.json"
    with registry.served() as host:
        docker.write_text(json.dumps({"auths": {host: {"auth": "YTpi"}}}))
        code = run(line.format(host=host, folder=tmp_path), "--docker-config", docker)

    said = capsys.readouterr()
    assert (registry.records, code) == ((0, {}), 3), said
    assert "pulls: accept" in said.out + said.err


@pytest.mark.parametrize("line", COMMANDS)
def test_zot_is_read_without_a_request_that_it_counts(line: str, tmp_path: Path) -> None:
    """It sets pull times, by which its retention decides, and serves manifests among the blobs."""
    docker = tmp_path / "config.json"
    registry = stocked("zot")
    with registry.served() as host:
        docker.write_text("{}")
        code = run(line.format(host=host, folder=tmp_path), "--docker-config", docker)

    assert registry.records == (0, {})
    assert code in (0, 1)


def configured(folder: Path, host: str, **more: object) -> Path:
    """Write a configuration with a ledger, so that one audit knows what the one before read."""
    (folder / "docker").write_text(json.dumps({"auths": {host: {"auth": ACCOUNT}}}))
    (folder / "ledger").touch()
    own = {
        "url": f"http://{host}",
        "plain_http": True,
        "docker_config": str(folder / "docker"),
        "tags": {"select": ["*"]},
        **more,
    }
    document = {"ledger": str(folder / "ledger"), "confirm_after": "1ms", "registries": [own]}
    file = folder / "config.json"
    file.write_text(json.dumps(document))
    return file


def audits(config: Path, times: int = 10) -> set[int]:
    return {cli.main(["check", "--config", str(config)]) for _ in range(times)}


def scrubbed(config: Path, host: str) -> int:
    return cli.main(["scrub", host, "--config", str(config)])


def test_an_account_that_is_not_counted_changes_no_record_of_harbor(tmp_path: Path) -> None:
    registry = stocked("harbor")
    registry.uncounted = ACCOUNT
    with registry.served() as host:
        config = configured(tmp_path, host, pulls="uncounted")
        codes = audits(config), scrubbed(config, host)

    assert (registry.records, codes) == ((0, {}), ({1}, 1))
    assert registry.asked["GET manifests"]


@pytest.mark.parametrize(
    ("caches", "parts"),
    [(True, [{"repositories": ["mirror/*"], "role": "proxy"}]), (False, [])],
    ids=["its proxy caches are named", "it has none"],
)
def test_quay_is_read_where_none_of_it_can_be_a_proxy_cache(
    tmp_path: Path, *, caches: bool, parts: list[object]
) -> None:
    registry = stocked("quay")
    registry.caches = caches
    with registry.served() as host:
        config = configured(tmp_path, host, parts=parts)
        codes = audits(config, 1)

    assert (codes, registry.pulls > 0) == ({1}, True)


@pytest.mark.parametrize(
    ("config", "read"),
    [
        (Answer(404, b"Not found"), False),
        (Answer(502), False),
        (Answer(200, b"<html>"), False),
        (Answer(200, b'{"features":[]}'), False),
        (Answer(200, b'{"features":{}}'), True),
    ],
    ids=["404", "502", "HTML", "another document", "a Quay without the feature"],
)
def test_quay_is_read_only_if_it_tells_that_it_has_no_proxy_caches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: Answer, *, read: bool
) -> None:
    class Silent(Counting):
        def answer(self, asked: http.Asked) -> Answer:
            return config if asked.target == "/config" else super().answer(asked)

    (docker := tmp_path / "config.json").write_text("{}")
    registry = Silent("quay")
    registry.push(IMAGE, "v1")
    with registry.served() as host:
        code = run(f"check {host}/team/app:v1", "--docker-config", docker)
        consented = run(f"check {host}/team/app:v1", "--docker-config", docker, "--count-pulls")

    said = capsys.readouterr().err
    assert (code, consented) == (0 if read else 3, 0), said
    assert ("may have (/config does not tell) proxy caches" in said) != read


@pytest.mark.parametrize("kind", ["harbor", "artifactory", "ecr", "gitea"])
def test_after_the_first_read_nothing_is_counted_whatever_is_broken(
    kind: str, tmp_path: Path
) -> None:
    registry = Counting(kind)
    for tag, made in (("v1", IMAGE), ("v2", LOSSY), ("v3", LAYERLESS)):
        registry.push(made, tag)
    with registry.served() as host:
        config = configured(tmp_path, host, **({} if kind == "gitea" else {"pulls": "accept"}))
        assert audits(config, 1) == {0}
        first = registry.records
        assert first[0] == 9
        codes = [audits(config)]
        del registry.manifests[LOSSY.children[0].digest]
        del registry.blobs[LAYERLESS.children[0].layers[0].digest]
        codes += [audits(config), {scrubbed(config, host)}]

    assert (registry.records, codes) == (first, [{0}, {1}, {1}])


@pytest.mark.parametrize("pulls", ["ask", "accept"])
@pytest.mark.parametrize("kind", ["harbor", "quay"])
def test_of_a_recorded_registry_each_manifest_is_read_once_with_consent_and_none_without(
    kind: str, pulls: str, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    recording = recordings[kind]
    told = recording.conversations["damages"]
    with replayed(told, recording.anonymous) as replay:
        config = configured(tmp_path, replay.host, pulls=pulls, tries=1)
        codes = audits(config, 3) | {scrubbed(config, replay.host)}

    counts = Counter(
        said for said, status in replay.given if status == 200 and _COUNTED.match(said)
    )
    again = {said for said, count in counts.items() if count > 1}
    if pulls == "ask":
        assert (counts, codes) == ({}, {3})
    else:
        assert counts
        assert {said for said in again if not wrong(told.stages[0][said])} == set()


def wrong(answer: Answer) -> bool:
    """Are other bytes served than it says? Only another read shows that they are repaired."""
    return Digest.of(answer.body) != answer.headers["docker-content-digest"]


def test_consent_that_was_typed_counts_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = stocked("harbor")
    with registry.served() as host:
        config = configured(tmp_path, host)
        words = ["check", f"{host}/team/app:v1", "--config", str(config)]
        codes = cli.main(words), cli.main([*words, "--count-pulls"])

    assert codes == (3, 0)
    assert registry.pulls == len(list(IMAGE.walk()))
    assert capsys.readouterr().err.count("pulls: accept") == 1


async def test_a_probe_sends_no_request_that_decides_without_consent(
    registry: Counting, tmp_path: Path
) -> None:
    with registry.served() as host:
        async with assembled(load(configured(tmp_path, host), {}), {}) as assembly:
            probing = Probing()
            with probing.aimed(assembly.watched):
                report = await probing(Asked(Reference.parse(f"{host}/team/app:v1")))

    assert registry.records == (0, {})
    assert [each.root.sighting.reason for each in report.verdicts] == [Reason.CONSENT]


async def test_an_event_causes_no_request_that_decides_without_consent(
    registry: Counting, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("token")
    with registry.served() as host:
        config = configured(tmp_path, host, name="main", events={"token_file": "token"})
        shown = Board(AppState((), (), Reload("0", True, 0.0)), Limits())
        async with assembled(load(config, {}), {}) as assembly:
            job = AuditJob(shown, assembly.ledger, assembly.references)
            await shown.watch([await job.restore(each) for each in assembly.watched])
            schedule = Schedule(job, assembly.watched)
            queues = event_queues(assembly.watched, shown, schedule, lambda act: act())
            await job.run(assembly.watched[0])
            queues["main"].pause = 0.0
            tally = queues["main"].tally
            async with heard(queues.values()), asyncio.timeout(PATIENCE):
                queues["main"].take([ImageEvent(APP, V1, IMAGE.digest)])
                while not ((found := shown.find("main")) and found.audits == 2):  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.01)

    assert (registry.records, tally.received) == ((0, {}), {"requested": 1})


@pytest.mark.parametrize("order", range(5))
async def test_no_way_to_read_a_manifest_comes_before_its_kind_is_recognized(
    registry: Counting, order: int, tmp_path: Path
) -> None:
    with registry.served() as host:
        (own,) = load(configured(tmp_path, host), {}).registries
        opened = distribution(own, {})
        other = opened.beside()
        target = Descriptor(IMAGE.media_type, IMAGE.digest, None)
        asks = (
            lambda: opened.manifest(APP, IMAGE.digest),
            lambda: opened.verify_tag(APP, V1, IMAGE.digest),
            lambda: opened.prove(APP, target, NoSink(), again=True),
            lambda: other.prove(APP, target, NoSink()),
            lambda: manifest(opened.of_other(FixedLogin(None)), APP, IMAGE.digest),
        )
        for ask in (*asks[order:], *asks[:order]):
            with pytest.raises(Unseen) as raised:
                await ask()
            assert raised.value.reason is Reason.CONSENT
        await other.aclose()
        await opened.aclose()

    assert registry.records == (0, {})

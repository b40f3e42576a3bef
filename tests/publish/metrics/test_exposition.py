"""Every form carries the families of the catalogue, as Prometheus reads them."""

from __future__ import annotations

import re
import subprocess
import zlib
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.report import VanishedTag
from exporter.oci.reference import Repository, Tag
from exporter.ports import KindStatus
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.exposition import Format, Rendered, Samples, expose, label_pairs
from exporter.publish.metrics.rendering import render
from exporter.publish.metrics.telemetry import Telemetry
from exporter.publish.status import SourceStatus
from exporter.tally import LedgerTally, Tally
from tests.fakes import use
from tests.parts.needs import program
from tests.publish.metrics.series import LIMITS
from tests.publish.reports import (
    app_state,
    child,
    incident,
    status,
    storage,
    tag,
)

if TYPE_CHECKING:
    from exporter.publish.metrics.family import Family
    from exporter.publish.status import AppState

TARGETS = frozenset(
    ["namespace", "pod", "container", "service", "job", "instance", "endpoint", "node", "cluster"]
)
"""Labels that belong to the target: Prometheus would rename ours to `exported_…`."""


def full(form: Format, about: AppState) -> bytes:
    return render(about, LIMITS).rendered(form).plain + Telemetry().body(about, form)


def busy() -> AppState:
    """A state in which every family of the catalogue has a series."""
    tally = Tally(
        requests={("blob", "2xx"): 7, ("tags", "429"): 1},
        retries=3,
        throttled_seconds=2.5,
    )
    blobs = tally.durations["blob"]
    blobs.counts, blobs.total = [1, 2, *[0] * (len(blobs.bounds) - 2), 4], 31.5
    running = frozenset({"registry.example"})
    waits = use("shop/pin:v1", failing_pulls=1)
    pinned = tag("shop/pin@", child("amd64", name="pin"), uses=(waits,))
    gone = VanishedTag(Repository("shop/app"), Tag("v0"), ReferenceClass.LIVE, 1.0)
    about = replace(incident(pinned), storage=storage(), vanished=(gone,))
    about = replace(about, snapshot=replace(about.snapshot, read_in_full=9))
    shown = status(about, tally=tally, facts_written=1.0)
    denied = Gap(Scope.REFERENCES, "prod: pods", Reason.DENIED)
    kinds = KindStatus("pods", False, 1.0, (denied,), False), KindStatus("nodes", True, 2.0)
    prod = SourceStatus("prod", True, 2.0, 7, kinds, (denied,))
    return app_state(shown, sources=(prod,), in_progress=running, ledger=LedgerTally(lost=True))


def test_every_family_of_the_catalogue_is_published_and_no_other() -> None:
    text = full(Format.TEXT, busy()).decode()
    typed = dict(re.findall(r"^# TYPE (pullproof_\S+) (\S+)$", text, re.MULTILINE))

    assert typed == {family.name: family.kind.value for family in catalogue.FAMILIES}


def test_series_carry_exactly_the_labels_of_the_catalogue() -> None:
    parsed = {family.name: family for family in read_text(full(Format.TEXT, busy()).decode())}

    for family in catalogue.FAMILIES:
        for sample in parsed[family.stem].samples:
            assert sample.labels.keys() - {"le"} == set(family.labels), sample


def test_a_ledger_is_told_of_only_where_there_is_one() -> None:
    with_it = full(Format.TEXT, busy()).decode()
    without = full(Format.TEXT, app_state()).decode()

    assert "\npullproof_ledger_writable 0.0\n" in with_it
    assert "\npullproof_ledger_" not in without


def test_families_are_grouped_and_described_once() -> None:
    for form in Format:
        text = full(form, busy()).decode()
        heads = re.findall(r"^# (HELP|TYPE) (\S+)", text, re.MULTILINE)
        assert len(heads) == len(set(heads))
        owners = [re.split(r"[{ ]", line)[0] for line in text.splitlines() if line[0] != "#"]
        stems = [re.sub("_(bucket|sum|count|total)$", "", owner) for owner in owners]
        changes = [new for old, new in zip(["", *stems], stems, strict=False) if old != new]
        assert len(changes) == len(set(changes))


def test_openmetrics_is_read_by_its_own_parser_and_ends_once() -> None:
    text = full(Format.OPENMETRICS, busy()).decode()

    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    names = {family.name for family in read_openmetrics(text)}
    assert {family.stem for family in catalogue.FAMILIES} <= names


def test_both_formats_carry_the_same_samples() -> None:
    exposition = render(busy(), LIMITS)
    text, other = exposition.text.plain.decode(), exposition.openmetrics.plain.decode()

    def lines(body: str) -> list[str]:
        return [line for line in body.splitlines() if not line.startswith("#")]

    assert lines(text) == lines(other)


@given(st.lists(st.binary(), min_size=1), st.binary())
def test_compressed_texts_are_continued_as_one_gzip_file(texts: list[bytes], tail: bytes) -> None:
    """One member: clients exist that stop after the first."""
    rendered = reduce(Rendered.then, map(Rendered.of, texts))
    stream = zlib.decompressobj(wbits=31)

    assert rendered.plain == b"".join(texts)
    assert rendered.size == len(rendered.plain)
    assert stream.decompress(b"".join(rendered.continued(tail))) == b"".join((*texts, tail))
    assert (stream.eof, stream.unused_data) == (True, b"")


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert render(busy(), LIMITS) == render(busy(), LIMITS)


def test_promtool_finds_nothing_to_say() -> None:
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(
        command, input=full(Format.TEXT, busy()), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=4, max_size=4))
def test_any_label_value_survives_the_way_to_prometheus(values: list[str]) -> None:
    family = catalogue.TAG_LACKING_PLATFORMS
    collected = Samples()
    collected.add(family, label_pairs(family.labels, values), 1)
    exposition = expose(collected)

    for body, read in (
        (exposition.text.plain, read_text),
        (exposition.openmetrics.plain + b"# EOF\n", read_openmetrics),
    ):
        (parsed,) = read(body.decode())
        assert parsed.samples[0].labels == dict(zip(family.labels, values, strict=True))


@pytest.mark.parametrize("family", catalogue.FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Family) -> None:
    assert re.fullmatch(r"pullproof_[a-z]+(_[a-z]+)*", family.name)
    assert family.name.endswith("_total") == (family.kind.value == "counter")
    assert family.help.endswith(".")
    assert not TARGETS & set(family.labels)


def test_what_both_formats_say_alike_is_held_once() -> None:
    exposition = render(busy(), LIMITS)
    own = {id(each) for each in exposition.text.deflated}

    assert id(exposition.openmetrics.deflated[0]) in own
    other = (each for each in exposition.openmetrics.deflated if id(each) not in own)
    assert sum(map(len, other)) < sum(map(len, exposition.openmetrics.deflated)) / 2


def test_many_samples_of_a_family_are_packed_before_the_next_are_collected() -> None:
    samples, family, other = Samples(), catalogue.TAG_LACKING_PLATFORMS, catalogue.SERIES_LIMIT
    for number in range(20_000):
        for each in (family, other):
            samples.put(each, number, *(f"{label}-{number}" for label in each.labels))
    text = expose(samples).text.plain.decode()

    assert max(map(len, samples.lines.values())) < 2**18
    assert text.count(f"# TYPE {family.name} ") == 1
    lines = [each for each in text.splitlines() if each[0] != "#"]
    assert [each.rsplit(" ", 1)[1] for each in lines] == [*map(str, range(20_000))] * 2

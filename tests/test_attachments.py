"""What is attached to an image, and what of it is required."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Severity
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.manifest import Referrer
from exporter.ports import Absent, Listing, Wrong
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AttachmentScope
from tests import worlds
from tests.fakes import NO_BLOB, NO_MANIFEST, NOW, Fake, Notes, audit, target, use, verdict

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.judge.report import Report
    from tests.worlds import Made

IMAGE: Final = worlds.two_platforms("app")
SBOM: Final = worlds.referrer(IMAGE)
OTHER: Final = worlds.referrer(IMAGE, "another")
SIGNATURE: Final = worlds.signature(IMAGE)
LISTED: Final = worlds.index(SBOM)
EMPTY: Final = worlds.EMPTY_CONFIG
SIG: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"
FALLBACK: Final = worlds.fallback_tag(IMAGE)
SIG_TAG: Final = worlds.signature_tag(IMAGE)
API: Final = f"referrers {IMAGE.digest}"


def registry(*, serves: bool = True) -> Fake:
    fake = Fake(serves_referrers=serves)
    fake.push(IMAGE, "v1")
    return fake


async def looked(
    fake: Fake,
    *require: str,
    of: ReferenceClass = ReferenceClass.LIVE,
    before: Report | None = None,
    **other: object,
) -> Report:
    """Audit the one image, unless another scope is given."""
    scope: dict[str, object] = {"scope": AuditScope(catalogue=False, latest=())}
    told = target(fake, Notes(), attachments=AttachmentScope(require=require), **scope | other)
    return await audit(told, Listing((use("app:v1", reference_class=of),)), before, NOW)


def told(report: Report, of: Made = IMAGE) -> list[tuple[str, str | None, State]]:
    attached = dict(verdict(report).attached)[of.digest]
    return [(each.artifact_type, each.tag, each.sighting.state) for each in attached.entries]


def lacks(report: Report) -> list[Finding]:
    return [each for each in report.findings if each.rule.code == "missing-attachment"]


async def test_what_the_api_lists_is_read_and_told() -> None:
    fake = registry()
    fake.push(SBOM)

    report = await looked(fake)

    assert told(report) == [(EMPTY, None, State.PRESENT)]
    assert dict(verdict(report).attached)[IMAGE.digest].doubt is None


async def test_what_the_fallback_tag_lists_is_read_and_told() -> None:
    fake = registry(serves=False)
    fake.push(LISTED, FALLBACK)

    assert told(await looked(fake)) == [(EMPTY, FALLBACK, State.PRESENT)]


async def test_a_tag_of_cosign_is_a_signature() -> None:
    fake = registry()
    fake.push(SIGNATURE, SIG_TAG)

    assert told(await looked(fake, SIG)) == [(SIG, SIG_TAG, State.PRESENT)]


async def test_what_is_attached_to_a_needed_child_is_told() -> None:
    fake = registry()
    fake.push(worlds.referrer(IMAGE.children[0]))

    report = await looked(fake)

    assert told(report, IMAGE.children[0]) == [(EMPTY, None, State.PRESENT)]


async def test_nothing_is_asked_where_attachments_are_not_looked_at() -> None:
    fake = registry()
    fake.push(LISTED, FALLBACK)

    report = await audit(target(fake), Listing((use("app:v1"),)), None, NOW)

    assert not any("referrers" in name for *_, name in fake.asked)
    assert report.snapshot.attached == {}


async def test_a_known_tag_list_spares_a_request_for_each_tag() -> None:
    fake = registry()

    await looked(fake)

    assert fake.asked_about(SIG_TAG) == 0


@pytest.mark.parametrize("serves", [True, False])
async def test_a_required_attachment_that_is_proven_absent_is_a_finding(*, serves: bool) -> None:
    (found,) = lacks(await looked(registry(serves=serves), SIG))

    assert (found.severity, found.digest) == (Severity.CRITICAL, IMAGE.digest)
    assert found.detail == f"no {SIG}"


async def test_a_latest_image_is_warned_of_and_a_selected_one_is_not_looked_at() -> None:
    (found,) = lacks(await looked(registry(), SIG, of=ReferenceClass.LATEST))

    assert found.severity is Severity.WARNING
    assert lacks(await looked(registry(), SIG, of=ReferenceClass.SELECTED)) == []


@pytest.mark.parametrize("pattern", [EMPTY, "application/vnd.oci.empty*"])
async def test_a_required_attachment_that_is_there_is_none(pattern: str) -> None:
    fake = registry()
    fake.push(SBOM)

    assert lacks(await looked(fake, pattern)) == []


async def test_every_needed_child_with_its_own_attachment_is_enough() -> None:
    fake = registry()
    for child in IMAGE.children:
        fake.push(worlds.referrer(child))

    assert lacks(await looked(fake, EMPTY)) == []


@pytest.mark.parametrize("lost", [SBOM.digest, SBOM.layers[0].digest])
async def test_a_required_attachment_that_is_lost_is_a_finding(lost: Digest) -> None:
    fake = registry(serves=False)
    fake.push(LISTED, FALLBACK)
    fake.sweep(lost)

    report = await looked(fake, EMPTY)

    (found,) = lacks(report)
    assert found.severity is Severity.CRITICAL
    assert ("missing" in found.detail) is (lost == SBOM.digest)
    assert told(report)[0][2] in (State.MISSING, State.BROKEN)
    assert verdict(report).state is State.PRESENT


async def test_a_lost_fallback_index_is_a_finding() -> None:
    fake = registry(serves=False)
    fake.push(LISTED, FALLBACK)
    fake.spoil(LISTED.digest, NO_MANIFEST)

    (found,) = lacks(await looked(fake, EMPTY))

    assert "the list of attachments" in found.detail


async def test_a_lost_one_beside_another_of_its_type_is_information() -> None:
    fake = registry(serves=False)
    fake.push(worlds.index(SBOM, OTHER), FALLBACK)
    fake.sweep(SBOM.digest)

    (found,) = lacks(await looked(fake, EMPTY))

    assert found.severity is Severity.INFO


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (API, Reason.DENIED),
        (API, Reason.SERVER_ERROR),
        (API, Listing((), (Gap(Scope.CONTENT, "app", Reason.INCOMPLETE_LIST),))),
        (FALLBACK, Reason.DENIED),
        (SIG_TAG, Reason.RATE_LIMITED),
    ],
    ids=["denied", "5xx", "cut", "tag denied", "cosign's tag throttled"],
)
async def test_what_could_not_be_listed_is_unknown_and_a_gap(name: str, answer: object) -> None:
    fake = registry()
    fake.spoil(name, answer)  # type: ignore[arg-type] - a list of referrers is one too

    report = await looked(fake, SIG)

    assert lacks(report) == []
    assert any(gap.subject.endswith(IMAGE.digest) for gap in report.snapshot.gaps)
    assert report.snapshot.hiding == ()


async def test_404_of_an_api_that_answers_for_others_proves_nothing() -> None:
    fake = registry()
    listed = fake.referrers

    async def partly(repository: object, subject: Digest) -> object:
        return None if subject == IMAGE.digest else await listed(repository, subject)  # type: ignore[arg-type]

    fake.referrers = partly  # type: ignore[assignment,method-assign]

    assert lacks(await looked(fake, SIG)) == []


async def test_one_that_could_not_be_read_is_unknown() -> None:
    fake = registry()
    fake.push(SBOM)
    fake.spoil(SBOM.digest, Reason.SERVER_ERROR)

    report = await looked(fake, EMPTY)

    assert told(report)[0][2] is State.UNKNOWN
    assert lacks(report) == []


async def test_one_of_another_subject_is_no_attachment_of_this_image() -> None:
    stranger = worlds.referrer(worlds.image("stranger"))
    fake = registry(serves=False)
    fake.push(worlds.index(stranger), FALLBACK)

    report = await looked(fake, EMPTY)

    assert told(report)[0][2] is State.UNKNOWN


@pytest.mark.parametrize("pattern", [SIG, "application/vnd.dev.sigstore.bundle*"])
async def test_a_list_that_tells_the_type_of_the_configuration_is_corrected(pattern: str) -> None:
    """So Harbor lists referrers, and the tags of cosign among them."""
    body = json.loads(SBOM.body) | {"artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}
    bundle = replace(SBOM, body=worlds.encoded(body))
    fake = registry()
    fake.push(SIGNATURE, SIG_TAG)
    fake.push(bundle)
    listed = [
        Referrer(Descriptor(OCI_MANIFEST, each.digest, 9), each.config.media_type)
        for each in (SIGNATURE, bundle)
    ]
    fake.spoil(API, Listing(tuple(listed)))  # type: ignore[arg-type] - a list of referrers is one too

    report = await looked(fake, pattern)

    assert [state for *_, state in told(report)] == [State.PRESENT, State.PRESENT]
    assert lacks(report) == []


async def test_a_fallback_tag_that_resolves_to_the_image_itself_is_none() -> None:
    fake = registry(serves=False)
    fake.push(IMAGE, FALLBACK)

    report = await looked(fake, worlds.OCI_CONFIG)

    assert told(report) == []
    assert lacks(report) != []


async def test_a_manifest_that_names_no_subject_is_no_attachment() -> None:
    fake = registry(serves=False)
    fake.push(worlds.index(worlds.image("other")), FALLBACK)

    report = await looked(fake, worlds.OCI_CONFIG)

    assert [state for *_, state in told(report)] == [State.UNKNOWN]
    assert lacks(report) == []


async def test_one_that_is_deleted_during_the_audit_is_not_claimed() -> None:
    fake = registry(serves=False)
    fake.push(LISTED, FALLBACK)
    fake.sweep(SBOM.digest)
    fake.spoil(SBOM.digest, lambda: fake.untag(FALLBACK))

    report = await looked(fake, EMPTY)

    assert told(report)[0][2] is State.UNKNOWN
    assert lacks(report) == []


async def test_one_that_is_pushed_during_the_audit_is_not_called_absent() -> None:
    fake = registry(serves=False)
    fake.spoil(SIG_TAG, NO_MANIFEST, lambda: fake.push(SIGNATURE, SIG_TAG) and None)

    assert lacks(await looked(fake, SIG)) == []


async def test_attachments_are_bounded() -> None:
    fake = registry()
    many = [Referrer(Descriptor(OCI_MANIFEST, Digest.of(b"%d" % n), 9), EMPTY) for n in range(300)]
    fake.spoil(API, Listing(tuple(many)))  # type: ignore[arg-type] - as above

    report = await looked(fake, EMPTY)

    states = [state for *_, state in told(report)]
    assert (states.count(State.MISSING), states.count(State.UNKNOWN)) == (100, 200)
    assert all(each.severity is Severity.INFO for each in lacks(report))


async def test_what_is_attached_to_an_attachment_is_not_looked_at() -> None:
    fake = registry()
    fake.push(SBOM)
    fake.push(worlds.signature(SBOM), worlds.signature_tag(SBOM))

    report = await looked(fake)

    assert fake.asked_about(f"referrers {SBOM.digest}") == 0
    assert told(report) == [(EMPTY, None, State.PRESENT)]


async def test_the_first_seen_time_is_kept_while_it_is_unknown() -> None:
    fake = registry()
    first = await looked(fake, SIG)
    fake.spoil(API, Reason.SERVER_ERROR)

    again = await looked(fake, SIG, before=first)

    assert lacks(again) == []
    assert lacks(first)[0].key in again.since


ANSWERS: Final = (
    NO_MANIFEST,
    NO_BLOB,
    Absent("NAME_UNKNOWN"),
    Wrong("0 of 9 bytes"),
    *(each for each in Reason if each is not Reason.INTERNAL),
)


@settings(max_examples=25, deadline=None)
@given(
    serves=st.booleans(),
    damages=st.dictionaries(
        st.sampled_from(
            [API, FALLBACK, SIG_TAG, SBOM.digest, LISTED.digest, SIGNATURE.digest]
            + [each.digest for each in (*SBOM.blobs, *SIGNATURE.blobs)]
        ),
        st.sampled_from(ANSWERS),
    ),
    lost=st.sampled_from([None, IMAGE.children[0].digest, IMAGE.children[1].layers[0].digest]),
)
async def test_attachments_never_change_the_verdict_of_an_image(
    damages: dict[str, object], lost: Digest | None, *, serves: bool
) -> None:
    def damaged() -> Fake:
        fake = registry(serves=serves)
        fake.push(LISTED, FALLBACK)
        fake.push(SIGNATURE, SIG_TAG)
        fake.sweep(lost) if lost else None
        for name, answer in damages.items():
            fake.spoil(name, answer)  # type: ignore[arg-type] - only some are answers to each
        return fake

    told = target(damaged())
    without = await audit(told, Listing((use("app:v1"),)), None, NOW)
    report = await looked(damaged(), SIG, EMPTY, scope=AuditScope(select=("*",)))

    mine = [each for each in report.findings if each.rule.code != "missing-attachment"]
    assert mine == list(without.findings)
    assert replace(verdict(report), attached=()) == verdict(without)
    assert report.cannot_be_pulled == without.cannot_be_pulled
    assert report.snapshot.hiding == without.snapshot.hiding

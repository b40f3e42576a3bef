"""What an audit takes of the report before is what it would find itself."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from itertools import cycle
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.attached import Attachment, Attachments
from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import ELSEWHERE, HASHED, HEADER, LAST_BYTE, STORED, State, gone, unknown
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector
from exporter.facts.snapshot import (
    Admission,
    Disagreement,
    RegistryPart,
    Role,
    Root,
    Sealed,
    Snapshot,
)
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge, report_part, with_report_part
from exporter.judge.leaves import View
from exporter.judge.protection import Protection
from exporter.judge.unchanged import Unchanged
from exporter.oci.digest import Digest
from exporter.oci.manifest import parse
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag
from tests import worlds
from tests.fakes import use
from tests.judge.kinds import ANY
from tests.judge.scene import APP, NOW

OTHER: Final = Repository("other")
BASE: Final = worlds.layer("base")
IMAGES: Final = [worlds.image(seed, layers=(BASE, worlds.layer(seed))) for seed in "ab"]
ARM: Final = worlds.image("arm", "linux/arm64", (BASE,))
INDEX: Final = worlds.index(IMAGES[0], ARM)
TOPS: Final = [*IMAGES, INDEX, worlds.index(INDEX, worlds.chart("c")), worlds.build_cache("k")]
EVERY: Final = list({each.digest: each for top in TOPS for each in top.walk()}.values())
MANIFESTS: Final = {each.digest: parse(each.body, each.digest) for each in EVERY}
CONFIGS: Final = [each.config.digest for each in (*IMAGES, ARM)]
DIGESTS: Final = sorted({d.digest for each in EVERY for d in (each, *each.blobs)})
LOOKS: Final = [
    STORED,
    LAST_BYTE,
    HASHED,
    HEADER,
    ELSEWHERE,
    replace(STORED, seen_at=NOW - 60),
    gone(State.MISSING, "404"),
    unknown(Reason.RESET),
]
AT: Final = st.sampled_from([APP, OTHER])
PLACES: Final = st.tuples(AT, st.sampled_from(DIGESTS))
NAMES: Final = [Tag("v1"), Tag("v2"), Tag("latest"), None]


def some(values: st.SearchStrategy, most: int = 2) -> st.SearchStrategy:  # type: ignore[type-arg] # of any value
    return st.lists(values, max_size=most, unique=True).map(tuple)


DIGEST: Final = st.sampled_from([each.digest for each in TOPS])
USES: Final = st.builds(
    use,
    st.sampled_from(["app:v1", "other:v2", f"app@{INDEX.digest}", f"other@{IMAGES[0].digest}"]),
    st.sampled_from(["linux/amd64", "linux/arm64", "linux/386"]),
    reference_class=st.sampled_from(ReferenceClass),
    running=st.frozensets(st.sampled_from(CONFIGS + [each.digest for each in TOPS]), max_size=2),
    login=st.sampled_from(["", "pull"]),
    failing_pulls=st.integers(0, 1),
)
ROOTS: Final = st.lists(
    st.builds(
        Root,
        AT,
        st.sampled_from(NAMES),
        DIGEST,
        st.sampled_from([HEADER, STORED, HEADER, *LOOKS]),
        st.sampled_from(ReferenceClass),
        st.just(frozenset()) | st.just(frozenset({Platform.parse("linux/arm64")})),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda root: (root.repository, root.tag or root.digest),
).map(tuple)
SEALS: Final = st.dictionaries(
    AT, st.dictionaries(DIGEST, some(st.sampled_from(NAMES[:3])), max_size=2).map(Sealed)
)
LOOKED: Final = st.fixed_dictionaries(
    {(at, each): st.sampled_from([STORED] * 12 + LOOKS) for at in (APP, OTHER) for each in DIGESTS}
)
ATTACHED: Final = st.builds(
    lambda look: Attachments((Attachment(DIGESTS[0], "sig", None, look),)), st.sampled_from(LOOKS)
)
LEARNED: Final = ["manifests", "config_platforms", "diff_id_mismatches"]
"""Facts of content, which are true in every repository."""
FACTS: Final[dict[str, st.SearchStrategy]] = {  # type: ignore[type-arg] # of any fact
    "registry": st.sampled_from(["registry.example", "registry.example", "mirror.example"]),
    "address": st.sampled_from(["", "https://registry.example"]),
    "taken_at": st.sampled_from([NOW, NOW + 900]),
    "role": st.sampled_from([Role.OWNED, *Role]),
    "platforms": st.frozensets(st.just(Platform.parse("linux/amd64")), max_size=1),
    "collector": st.sampled_from(Collector),
    "roots": ROOTS,
    "manifests": st.sets(st.sampled_from(sorted(MANIFESTS)), max_size=2).map(
        lambda unread: {at: each for at, each in MANIFESTS.items() if at not in unread}
    ),
    "sightings": LOOKED,
    "config_platforms": st.dictionaries(
        st.sampled_from(CONFIGS), st.sampled_from([Platform.parse("linux/amd64")])
    ),
    "listed": st.dictionaries(AT, st.integers(0, 2)),
    "sealed": SEALS,
    "uses": some(USES),
    "admissions": some(st.builds(Admission, st.just("pull"), AT, st.sampled_from([True, False]))),
    "gone": st.booleans(),
    "gaps": some(st.just(Gap(Scope.REGISTRY, "x", Reason.RESET))),
    "recovered": st.dictionaries(PLACES, st.sampled_from(["404", "500"]), max_size=2),
    "read_in_full": st.none() | st.integers(0, 1),
    "diff_id_mismatches": st.dictionaries(
        st.sampled_from([each.digest for each in IMAGES]),
        st.just((DiffIdMismatch(BASE.digest, "unpacks to x"),)),
    ),
    "kind": st.sampled_from([UNKNOWN_KIND] * 8 + [*ANY]),
    "parts": some(
        st.builds(RegistryPart, st.sampled_from([("app",), ("other",)]), st.sampled_from(Role)), 1
    ),
    "unasked": some(AT),
    "delisted": some(st.tuples(AT, st.just(Tag("v1")))),
    "attached": st.dictionaries(st.tuples(AT, DIGEST), ATTACHED, max_size=2),
    "require_attached": some(st.just("sig")),
    "refreshed_at": st.none() | st.just(NOW + 1),
    "proven_at": st.dictionaries(PLACES, st.just(NOW - 9), max_size=2),
    "disagreements": some(
        st.builds(
            Disagreement, AT, st.sampled_from(NAMES), DIGEST, st.just("there"), st.just("not")
        )
    ),
    "sampled_at": st.none() | st.sampled_from([NOW, NOW + 900]),
}
ROOT_FACTS: Final = ("reference_class", "sighting", "platforms", "digest")
SNAPSHOTS: Final = st.fixed_dictionaries(FACTS)
UNREAD: Final = {
    "taken_at",
    "listed",
    "gone",
    "gaps",
    "read_in_full",
    "unasked",
    "delisted",
    "refreshed_at",
    "proven_at",
    "sampled_at",
}
"""What says nothing of a tag."""
CHANGED: Final = st.sets(st.sampled_from(sorted(FACTS)), max_size=3)


def test_each_fact_of_a_snapshot_changes_in_the_law_below() -> None:
    """A fact that is new here may be one on which verdicts rest: `Unchanged` must look at it."""
    assert FACTS.keys() == {each.name for each in fields(Snapshot)}


def mixed(old: dict[str, object], new: dict[str, object], changed: set[str]) -> Snapshot:
    made = {**old, **{each: new[each] for each in changed}}
    if "roots" in changed:
        made["roots"] = tuple(map(altered, old["roots"], cycle(new["roots"]), cycle(ROOT_FACTS)))  # type: ignore[call-overload] # as listed
    return Snapshot(**made)  # type: ignore[arg-type] # as listed


def altered(root: Root, other: Root, fact: str) -> Root:
    return replace(root, **{fact: getattr(other, fact)})


@pytest.mark.parametrize("fact", sorted(FACTS.keys() - UNREAD))
@given(old=SNAPSHOTS, new=SNAPSHOTS)
@settings(max_examples=25)
def test_whatever_changes_is_judged_as_an_audit_from_nothing_does(
    *, fact: str, old: dict[str, object], new: dict[str, object]
) -> None:
    before = judge(Snapshot(**old), {})  # type: ignore[arg-type] # as listed
    now = mixed(old, new, {fact})

    assert judge(now, before.since, before=before) == judge(now, before.since)


def test_two_roots_of_one_name_are_told_apart() -> None:
    root = Root(APP, None, IMAGES[0].digest, HEADER, ReferenceClass.LIVE)
    old = Snapshot("registry.example", NOW, Role.PROXY, roots=(root,))
    before = judge(old, {})
    now = replace(old, roots=(root, replace(root, reference_class=ReferenceClass.IDLE)))

    assert judge(now, before.since, before=before) == judge(now, before.since)


@given(SNAPSHOTS, SNAPSHOTS, CHANGED, st.none() | st.sampled_from(DIGESTS))
@settings(max_examples=60)
def test_a_report_after_another_is_what_an_audit_from_nothing_says(
    old: dict[str, object], new: dict[str, object], changed: set[str], turned: Digest | None
) -> None:
    before = judge(Snapshot(**old), {})  # type: ignore[arg-type] # as listed
    now = mixed(old, new, changed)
    if turned:
        look = now.sightings.get((APP, turned))
        other = STORED if look != STORED else LAST_BYTE
        now = replace(now, sightings=now.sightings.amended({(APP, turned): other}))

    assert judge(now, before.since, before=before) == judge(now, before.since)


@given(
    SNAPSHOTS,
    SNAPSHOTS,
    st.sampled_from([*LEARNED, "role", "kind", "collector"]),
    SNAPSHOTS,
    st.sets(st.sampled_from(sorted(FACTS)), max_size=1),
)
@settings(max_examples=60)
def test_nor_does_it_rest_on_what_only_a_part_knew(
    old: dict[str, object],
    new: dict[str, object],
    changed: str,
    last: dict[str, object],
    moved: set[str],
) -> None:
    whole, of = judge(Snapshot(**old), {}), {APP}  # type: ignore[arg-type] # as listed
    part = report_part(judge(mixed(old, new, {changed}), whole.since), of)
    before = with_report_part(whole, part, of)
    now = mixed(old, last, moved)

    assert judge(now, before.since, before=before) == judge(now, before.since)


@pytest.mark.parametrize("name", LEARNED)
def test_what_a_part_learned_of_shared_content_judges_other_repositories_anew(name: str) -> None:
    """A part that reads a configuration knows a platform that other repositories did not know."""
    image = IMAGES[0]
    learned = {
        "manifests": MANIFESTS,
        "config_platforms": {image.config.digest: Platform.parse("linux/s390x")},
        "diff_id_mismatches": {image.digest: (DiffIdMismatch(BASE.digest, "unpacks to x"),)},
    }[name]
    seen = {(at, each): STORED for at in (APP, OTHER) for each in DIGESTS}
    seen |= {(OTHER, BASE.digest): gone(State.MISSING, "404")}
    roots = tuple(
        Root(at, Tag("v1"), image.digest, HEADER, ReferenceClass.LIVE) for at in (APP, OTHER)
    )
    unread = {at: each for at, each in MANIFESTS.items() if at != image.digest}
    old = {"registry": "registry.example", "taken_at": NOW, "roots": roots, "sightings": seen}
    old |= {"manifests": unread if name == "manifests" else MANIFESTS}
    whole, now = judge(Snapshot(**old), {}), Snapshot(**old | {name: learned})  # type: ignore[arg-type] # as listed

    before = with_report_part(whole, report_part(judge(now, whole.since), {APP}), {APP})

    assert judge(now, before.since, before=before) == judge(now, before.since) != whole


@pytest.mark.parametrize("of", [*IMAGES, ARM, INDEX])
def test_only_tags_are_judged_of_which_something_changed(of: worlds.Made) -> None:
    roots = [
        Root(APP, Tag(f"v{n}"), each.digest, HEADER, ReferenceClass.SELECTED)
        for n, each in enumerate(TOPS)
    ]
    roots.append(Root(OTHER, Tag("v1"), INDEX.digest, HEADER, ReferenceClass.SELECTED))
    seen = {(at, each): STORED for at in (APP, OTHER) for each in DIGESTS}
    old = Snapshot("registry.example", NOW, roots=tuple(roots), manifests=MANIFESTS, sightings=seen)  # type: ignore[arg-type] # packed
    own = of.blobs[-1].digest if of.blobs else of.digest
    now = replace(old, sightings=old.sightings.amended({(APP, own): gone(State.MISSING, "404")}))
    before = judge(old, {})
    unchanged, view = Unchanged(before, now), partial(View.of, now)

    kept = {
        root.name
        for root in now.roots
        if unchanged.verdict(root, Protection.of(now, root.repository, _known(now, root)), view)
        if root.repository == APP
    }

    here = [root for root in roots if root.repository == APP]
    above = [
        top.digest
        for top in TOPS
        if own in {each.digest for made in top.walk() for each in (made, *made.blobs)}
    ]
    assert above
    assert kept == {root.name for root in here if root.digest not in above}
    report = judge(now, before.since, before=before)
    again = {id(each) for each in before.tags}
    other = {each.verdict.root for each in report.tags if id(each) not in again}
    assert other == {root for root in here if root.digest in above}


def test_a_tag_whose_content_is_proven_in_another_way_is_not_judged() -> None:
    roots = [Root(APP, Tag("v1"), INDEX.digest, HEADER, ReferenceClass.SELECTED)]
    old = whole(roots)
    there = {(APP, each): LAST_BYTE for each in DIGESTS}
    some_content, all_content = dict([*there.items()][:3]), there
    before = judge(old, {})

    for changed in (some_content, all_content):
        now = replace(old, sightings=old.sightings.amended(changed))
        unchanged, view = Unchanged(before, now), partial(View.of, now)
        for root in roots:
            protection = Protection.of(now, APP, _known(now, root))
            assert unchanged.verdict(root, protection, view)
        assert judge(now, before.since, before=before) == judge(now, before.since)


def _known(seen: Snapshot, root: Root) -> dict[Digest, list[Tag]]:
    found: dict[Digest, list[Tag]] = {}
    for each in sorted(seen.roots, key=lambda each: each.name):
        if each.repository == root.repository and each.tag and each.digest:
            found.setdefault(each.digest, []).append(each.tag)
    return found


def whole(roots: list[Root], **other: object) -> Snapshot:
    seen = {(at, each): STORED for at in (APP, OTHER) for each in DIGESTS}
    facts = {"roots": tuple(roots), "manifests": MANIFESTS, "sightings": seen, **other}
    return Snapshot("registry.example", NOW, **facts)  # type: ignore[arg-type] # as listed


def anew(old: Snapshot, now: Snapshot) -> None:
    before = judge(old, {})
    report = judge(now, before.since, before=before)

    assert report == judge(now, before.since)
    assert report.findings != before.findings


def test_an_attachment_that_is_required_now_is_missed() -> None:
    root = Root(APP, Tag("v1"), IMAGES[0].digest, HEADER, ReferenceClass.LIVE)
    seen = whole([root], attached={(APP, IMAGES[0].digest): Attachments()})

    anew(seen, replace(seen, require_attached=("sig",)))


def test_a_pinned_image_is_unprotected_only_while_all_other_tags_are_read() -> None:
    """That rests on what other tags reference, and not on the image itself."""
    pinned = Root(APP, None, IMAGES[0].digest, HEADER, ReferenceClass.LIVE)
    tag = Root(APP, Tag("v1"), IMAGES[1].digest, HEADER, ReferenceClass.SELECTED)
    seal = {APP: Sealed({IMAGES[1].digest: (Tag("v1"),)})}
    seen = whole([pinned, tag], sealed=seal, uses=(use(f"app@{IMAGES[0].digest}"),))
    unread = {at: each for at, each in MANIFESTS.items() if at != IMAGES[1].digest}

    anew(seen, replace(seen, manifests=unread))


def test_first_seen_times_are_those_of_the_history() -> None:
    root = Root(APP, Tag("v1"), IMAGES[0].digest, HEADER, ReferenceClass.LIVE)
    lost = dict.fromkeys([(APP, BASE.digest)], gone(State.MISSING, "404"))
    seen = whole([root])
    seen = replace(seen, sightings=seen.sightings.amended(lost))
    before = judge(seen, {})
    told = dict.fromkeys(before.since, 7.0)

    assert judge(seen, told, before=before) == judge(seen, told)

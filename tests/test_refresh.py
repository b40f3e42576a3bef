"""Does an audit of a part tell what an audit of the whole registry would?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit import refresh
from exporter.facts.focus import Focus, ImageEvent
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import GONE, HASHED, State
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.sightings import Sightings
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AttachmentScope, AuditLimits, FullReads
from tests import worlds
from tests.fakes import APP, NOW, Fake, Notes, audited, codes, target, use, verdict
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from exporter.facts.use import Use
    from exporter.judge.report import Report
    from exporter.resolve.target import Target

SHOP: Final = Repository("shop/web")
NEW: Final = Repository("shop/new")
INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
OTHER = worlds.index(AMD64, worlds.image("third", "linux/arm64"))
PLAIN = worlds.image("plain", layers=(AMD64.layers[0],))
MADE = (INDEX, OTHER, PLAIN, ARM64)
TAGS = ("v1", "v2", "latest")
THINGS = sorted(
    {each.digest for made in MADE for part in made.walk() for each in (part, *part.blobs)}
)
LATER: Final = NOW + 60


def stocked() -> Fake:
    registry = Fake()
    registry.push(INDEX, "v1")
    registry.push(PLAIN, "v2")
    registry.push(INDEX, "latest", SHOP)
    registry.push(AMD64, "v2", SHOP)
    return registry


@dataclass(frozen=True)
class Change:
    """What somebody does to a registry, and the event that tells it."""

    kind: str
    repository: Repository
    tag: str
    what: int

    def do(self, registry: Fake) -> ImageEvent:
        at = self.repository
        if self.kind == "push":
            registry.push(MADE[self.what % len(MADE)], self.tag, at)
            return ImageEvent(at, Tag(self.tag))
        if self.kind == "untag":
            registry.tagged.get(at, {}).pop(Tag(self.tag), None)
            return ImageEvent(at, Tag(self.tag), deleted=True)
        digest = THINGS[self.what % len(THINGS)]
        registry.sweep(digest, repository=at)
        return ImageEvent(at, digest=digest, deleted=True)


CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(("push", "untag", "sweep")),
        st.sampled_from((APP, SHOP, NEW)),
        st.sampled_from(TAGS),
        st.integers(0, 50),
    ),
    max_size=4,
)
IMAGES = ("app:v1", "app:v2", "shop/web:latest", "shop/web:v9", f"app@{AMD64.digest}")
CLASSES = st.sampled_from((ReferenceClass.LIVE, ReferenceClass.IDLE))
USES = st.lists(
    st.builds(
        lambda image, platform, of: use(image, platform, reference_class=of),
        st.sampled_from(IMAGES),
        st.sampled_from(("linux/amd64", "linux/arm64")),
        CLASSES,
    ),
    max_size=2,
    unique=True,
)


def refreshed(
    asked: Target | Fake, before: Report, focus: Focus, *uses: Use, now: float = LATER
) -> Report | None:
    told = target(asked) if isinstance(asked, Fake) else asked
    return asyncio.run(refresh(told, Listing(uses), before, focus, now))


def told(report: Report) -> dict[str, object]:
    """All that a report says of its tags, its content and its causes."""
    tags = {
        tag.name: (
            tag.verdict.state,
            tag.verdict.root.reference_class,
            tag.verdict.root.nodes,
            [
                (each.digest, each.state, each.required_by, each.risk)
                for each in tag.verdict.children
            ],
            sorted(each.key for each in tag.findings),
            tag.lost_since,
            tag.conditions,
        )
        for tag in report.tags
    }
    causes = {(each.lack.digest, each.since, len(each.affects)) for each in report.causes}
    counts = report.counts
    known = (counts.tags, counts.children, counts.unprotected, counts.repositories)
    # What was hashed counts as such once, where it was read.
    content = (counts.blobs, sum(counts.proofs.values()), counts.referenced_bytes)
    return {
        "tags": tags,
        "causes": causes,
        "counts": known,
        "content": content,
        "since": dict(report.since),
    }


@given(CHANGES, USES, USES)
def test_where_each_change_is_told_it_tells_what_an_audit_of_the_whole_would(
    changes: list[Change], uses: list[Use], after: list[Use]
) -> None:
    registry = stocked()
    before = asyncio.run(audited(registry, *uses))
    focus = Focus()
    for change in changes:
        focus |= change.do(registry).focus

    part = refreshed(registry, before, focus, *after)
    whole = asyncio.run(audited(registry, *after, before=before, now=LATER))

    assert part is not None
    assert told(part) == told(whole)


@given(CHANGES, CHANGES, USES)
def test_where_changes_are_not_told_each_verdict_is_that_of_before_or_of_now(
    heard: list[Change], lost: list[Change], uses: list[Use]
) -> None:
    registry = stocked()
    before = asyncio.run(audited(registry, *uses))
    focus = Focus()
    for change in heard:
        focus |= change.do(registry).focus
    for change in lost:
        change.do(registry)

    part = refreshed(registry, before, focus, *uses)
    whole = asyncio.run(audited(registry, *uses, before=before, now=LATER))

    assert part is not None
    then = {tag.name: tag.verdict.state for tag in before.tags}
    now = {tag.name: tag.verdict.state for tag in whole.tags}
    for tag in part.tags:
        at = (tag.verdict.root.repository, tag.verdict.root.tag)
        states = (
            {now.get(tag.name)} if at in focus.tags else {now.get(tag.name), then.get(tag.name)}
        )
        assert tag.verdict.state in states


FORGED = st.builds(
    ImageEvent,
    st.sampled_from((APP, SHOP, NEW, Repository("nowhere/app"))),
    st.none() | st.sampled_from([Tag(name) for name in (*TAGS, "never")]),
    st.none() | st.sampled_from([*THINGS, Digest.of(b"never")]),
    st.booleans(),
)


@given(CHANGES, USES, st.lists(FORGED, max_size=4), st.data())
def test_lost_doubled_reordered_and_forged_events_make_no_verdict_wrong(
    changes: list[Change], uses: list[Use], forged: list[ImageEvent], data: st.DataObject
) -> None:
    registry = stocked()
    before = asyncio.run(audited(registry, *uses))
    sent = [*forged, *(each.do(registry) for each in changes)]
    came = data.draw(st.lists(st.sampled_from(sent), max_size=12)) if sent else []
    focus = Focus()
    for event in came:
        focus |= event.focus

    part = refreshed(registry, before, focus, *uses) if focus else before
    whole = asyncio.run(audited(registry, *uses, before=before, now=LATER))
    later = asyncio.run(audited(registry, *uses, before=part, now=LATER))

    assert part is not None
    then, now, last = (
        {t.name: t.verdict.state for t in each.tags} for each in (before, whole, later)
    )
    for tag in part.tags:
        root = tag.verdict.root
        heard = (root.repository, root.tag) in focus.tags or root.repository in focus.repositories
        assert tag.verdict.state in {now.get(tag.name), *(() if heard else (then.get(tag.name),))}
    assert last == now, "the periodic audit knows everything"


def test_it_asks_for_what_is_in_focus_and_for_nothing_else() -> None:
    registry = stocked()
    before = asyncio.run(audited(target(registry, notes := Notes())))
    registry.push(OTHER, "v3")
    registry.asked.clear()

    part = refreshed(target(registry, notes), before, Focus(tags=frozenset({(APP, Tag("v3"))})))

    assert part is not None
    assert verdict(part, "v3").state is State.PRESENT
    assert {at for _, _, at, _ in registry.asked} <= {APP, ""}
    assert registry.asked_about("v1") == registry.asked_about("v2") == 0
    assert registry.asked_about(PLAIN.digest) == registry.asked_about(INDEX.digest) == 0


def test_a_loss_in_focus_breaks_every_tag_that_needs_it() -> None:
    registry = stocked()
    before = asyncio.run(audited(registry))
    lost = AMD64.layers[0].digest
    registry.sweep(lost)

    part = refreshed(registry, before, Focus(places=frozenset({(APP, lost)})))

    assert part is not None
    assert {tag.name for tag in part.tags if tag.verdict.cannot_be_pulled} == {"app:v1", "app:v2"}
    assert [(each.lack.digest, each.since) for each in part.causes] == [(lost, LATER)]


def test_uses_that_name_what_is_known_ask_for_nothing() -> None:
    registry = stocked()
    registry.sweep(ARM64.digest)
    one, two = (use("app:v1", "linux/arm64", alive=number) for number in (1, 2))
    before = asyncio.run(audited(registry, one))
    registry.asked.clear()

    part = refreshed(registry, before, Focus(), two)

    assert part is not None
    assert not registry.asked
    assert verdict(part).uses == (two,)
    assert codes(part) == codes(before)


def test_an_image_that_is_newly_live_is_asked_for_and_so_is_one_that_pods_fail_to_pull() -> None:
    registry = stocked()
    before = asyncio.run(audited(registry, use("app:v2")))
    registry.sweep(ARM64.digest, PLAIN.digest)

    part = refreshed(registry, before, Focus(), use("app:v1"), use("app:v2", failing_pulls=2))

    assert part is not None
    assert {tag.verdict.state for tag in part.tags if tag.verdict.root.repository == APP} <= GONE


def test_a_registry_that_does_not_answer_leaves_the_report_before() -> None:
    registry = stocked()
    before = asyncio.run(audited(registry))
    registry.down = True

    assert refreshed(registry, before, Focus(repositories=frozenset({APP}))) is None


SLOW: Final = AuditLimits(width=4, confirm_after=3600.0)


@pytest.mark.parametrize(
    ("told", "sooner"),
    [
        (Focus(places=frozenset({(APP, ARM64.digest)})), False),
        (deletion := ImageEvent(APP, digest=ARM64.digest, deleted=True).focus, True),
        (deletion | Focus(tags=frozenset({(APP, Tag("v2"))})), True),
        (deletion | ImageEvent(APP, digest=ARM64.digest).focus, False),
        (ImageEvent(APP, Tag("v1"), INDEX.digest).focus | deletion, True),
    ],
)
async def test_only_a_loss_that_the_registry_tells_is_confirmed_sooner(
    told: Focus, *, sooner: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.resolve.walk._FORESEEN", 0.0)
    registry = stocked()
    before = await audited(registry)
    registry.sweep(ARM64.digest)
    registry.asked.clear()
    asked = target(registry, limits=SLOW)

    task = asyncio.create_task(refresh(asked, Listing(()), before, told, LATER))
    async with asyncio.timeout(PATIENCE):
        while not registry.asked_about(ARM64.digest):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
    await asyncio.wait({task}, timeout=PATIENCE if sooner else 0.5)

    assert task.done() is sooner
    task.cancel()


async def test_what_was_lost_before_is_confirmed_sooner_unless_it_was_pushed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.resolve.walk._FORESEEN", 0.0)
    registry = stocked()
    registry.sweep(ARM64.digest)
    before = await audited(registry)
    asked = target(registry, limits=SLOW)
    push = ImageEvent(APP, Tag("v2"), PLAIN.digest).focus

    after = await refresh(asked, Listing(()), before, push, LATER)
    again = push | ImageEvent(APP, digest=ARM64.digest).focus
    task = asyncio.create_task(refresh(asked, Listing(()), before, again, LATER))
    done, _ = await asyncio.wait({task}, timeout=0.5)

    assert after is not None
    assert verdict(after, "v1").state in GONE
    assert not done
    task.cancel()


def test_what_is_out_of_scope_is_not_asked_for() -> None:
    registry = stocked()
    scope = AuditScope(select=("*",), only=("shop/*",))
    before = asyncio.run(audited(target(registry, scope=scope)))
    registry.push(OTHER, "v3", Repository("secret/app"))
    registry.asked.clear()

    told = Focus(repositories=frozenset({Repository("secret/app"), APP}))
    part = refreshed(target(registry, scope=scope), before, told)

    assert part is not None
    assert not registry.asked
    assert [tag.name for tag in part.tags] == [tag.name for tag in before.tags]


def test_gaps_of_sources_are_those_of_now() -> None:
    registry = stocked()
    before = asyncio.run(audited(registry))
    gap = Gap(Scope.REFERENCES, "prod", Reason.DENIED, "pods")

    part = asyncio.run(refresh(target(registry), Listing((), (gap,)), before, Focus(), LATER))
    again = asyncio.run(refresh(target(registry), Listing(()), part or before, Focus(), LATER))

    assert part is not None
    assert part.snapshot.gaps == (gap,)
    assert again is not None
    assert again.snapshot.gaps == ()


PERIODS = {ReferenceClass.SELECTED: 600.0}


@given(st.lists(st.floats(1, 400), min_size=1, max_size=6), st.integers(0, len(THINGS) - 1))
def test_what_a_period_names_is_asked_for_once_in_it_and_a_loss_is_seen_by_its_end(
    steps: list[float], lost: int
) -> None:
    registry = stocked()
    told = target(registry, periods=PERIODS)
    report = asyncio.run(audited(told))
    registry.sweep(THINGS[lost])
    now = NOW

    for step in (*steps, 600.0):
        now += step
        report = asyncio.run(audited(told, before=report, now=now))
        for proven_at in report.snapshot.proven_at.values():
            assert now - proven_at <= 600.0

    whole = asyncio.run(audited(target(registry), now=now))
    assert {t.name: t.verdict.state for t in report.tags} == {
        t.name: t.verdict.state for t in whole.tags
    }


def test_within_its_period_a_tag_costs_its_resolution_alone() -> None:
    registry, notes = stocked(), Notes()
    told = target(registry, notes, periods={ReferenceClass.SELECTED: 1e9})
    before = asyncio.run(audited(told, use("shop/web:latest")))
    registry.asked.clear()

    report = asyncio.run(audited(told, use("shop/web:latest"), before=before, now=LATER))

    assert {name for _, kind, at, name in registry.asked if at == APP} == {"*", "v1", "v2"}
    assert registry.asked_about(ARM64.layers[0].digest)
    assert [t.verdict.state for t in report.tags] == [t.verdict.state for t in before.tags]
    assert set(report.snapshot.proven_at) == {(APP, INDEX.digest), (APP, PLAIN.digest)}


def test_what_was_seen_at_another_address_proves_nothing_here() -> None:
    registry = stocked()
    registry.sweep(PLAIN.layers[0].digest, repository=SHOP)
    old = target(registry, periods={ReferenceClass.SELECTED: 1e9}, address="https://old.example")
    before = asyncio.run(audited(old))
    registry.sweep(AMD64.layers[0].digest)

    report = asyncio.run(
        audited(replace(old, address="https://new.example"), before=before, now=LATER)
    )

    states = {tag.name: tag.verdict.state for tag in report.tags}
    assert {states["app:v1"], states["app:v2"]} <= GONE
    assert {key: at for key, at in report.since.items() if key in before.since} == before.since


@dataclass
class FullyRead:
    """The full reads that audits noted; implements what they use of `exporter.memory.Proofs`."""

    noted: set[tuple[Repository, Digest]] = field(default_factory=set)

    def scrubbed(self, registry: str) -> Scrubbed:
        del registry
        return Scrubbed()

    def want(self, registry: str, digests: object) -> None:
        """Wait for nothing."""

    def note(
        self, registry: str, found: dict[tuple[Repository, Digest], object], at: float
    ) -> None:
        del registry, at
        self.noted |= found.keys()


@pytest.mark.parametrize("focus", [Focus(), Focus(places=frozenset({(APP, PLAIN.digest)}))])
def test_only_what_is_read_in_full_now_is_noted_as_read(focus: Focus) -> None:
    registry, proofs = stocked(), FullyRead()
    registry.leaves_trace = False
    asked = target(registry, full_reads=FullReads(proofs))
    before = asyncio.run(audited(asked, use("shop/web:latest")))
    assert proofs.noted
    proofs.noted.clear()
    registry.asked.clear()

    refreshed(asked, before, focus, use("shop/web:latest", "linux/amd64"))

    assert all(at in {where for _, _, where, _ in registry.asked} for at, _ in proofs.noted)
    assert all(registry.asked_about(digest) for _, digest in proofs.noted)


@pytest.mark.parametrize("kept_by", ["period", "focus"])
def test_a_manifest_that_states_a_wrong_size_breaks_no_tag_that_states_the_right_one(
    kept_by: str,
) -> None:
    registry = stocked()
    asked = target(registry, periods={ReferenceClass.SELECTED: 1e9})
    before = asyncio.run(audited(asked))
    layer = replace(PLAIN.layers[0], extra={"size": len(PLAIN.layers[0].body) + 5})
    registry.push(worlds.image("odd", layers=(layer,)), "odd")

    if kept_by == "period":
        report = asyncio.run(audited(asked, before=before, now=LATER))
    else:
        found = refreshed(asked, before, Focus(tags=frozenset({(APP, Tag("odd"))})))
        assert found is not None
        report = found

    whole = asyncio.run(audited(registry, before=before, now=LATER))
    assert {t.name: t.verdict.state for t in report.tags} == {
        t.name: t.verdict.state for t in whole.tags
    }


@pytest.mark.parametrize("scope", [AuditScope(select=("*",)), AuditScope(select=("v*",))])
def test_a_child_is_not_called_unprotected_while_a_tag_that_was_not_told_may_name_it(
    scope: AuditScope,
) -> None:
    registry = stocked()
    for tag, made in (("b1", AMD64), ("b2", ARM64), ("b3", PLAIN)):
        registry.push(made, tag)
    asked = target(registry, scope=scope)
    before = asyncio.run(audited(asked))
    registry.push(AMD64, "b3")
    registry.untag("b1")

    part = refreshed(asked, before, Focus(tags=frozenset({(APP, Tag("b1"))})))

    assert part is not None
    whole = asyncio.run(audited(asked, before=before, now=LATER))
    assert codes(part) == codes(whole)


def test_attachments_that_are_required_from_now_on_are_looked_for_within_a_period() -> None:
    registry, uses = stocked(), (use("shop/web:latest"),)
    old = target(registry, periods=dict.fromkeys(ReferenceClass, 1e9))
    before = asyncio.run(audited(old, *uses))
    new = replace(old, attachments=AttachmentScope(require=("application/vnd.example",)))

    report = asyncio.run(audited(new, *uses, before=before, now=LATER))
    registry.asked.clear()
    again = asyncio.run(audited(new, *uses, before=report, now=LATER + 1))

    assert ("missing-attachment", "critical") in codes(report)
    assert codes(again) == codes(report)
    assert not registry.asked_about(INDEX.digest)


def test_what_a_storage_proved_rests_in_no_period_though_its_hash_is_known() -> None:
    registry = stocked()
    asked = target(registry, periods={ReferenceClass.SELECTED: 1e9})
    seen = asyncio.run(audited(asked))
    hashed = dict.fromkeys(seen.snapshot.sightings, HASHED)
    sampled = replace(seen.snapshot, sampled_at=NOW, sightings=Sightings(hashed))
    registry.sweep(AMD64.layers[0].digest)

    report = asyncio.run(audited(asked, before=replace(seen, snapshot=sampled), now=LATER))

    assert verdict(report, "v1").state in GONE


def test_an_event_of_an_attachment_is_followed_by_a_look_at_its_image() -> None:
    registry = stocked()
    asked = target(registry, attachments=AttachmentScope(require=("*",)))
    before = asyncio.run(audited(asked))
    attached = registry.push(worlds.referrer(INDEX), repository=SHOP)

    pushed = refreshed(asked, before, ImageEvent(SHOP, digest=attached.digest).focus)
    registry.sweep(attached.digest, repository=SHOP)
    gone = ImageEvent(SHOP, digest=attached.digest, deleted=True).focus
    deleted = refreshed(asked, pushed or before, gone)

    assert pushed is not None
    assert deleted is not None
    lacking = ["missing-attachment" in dict(codes(each)) for each in (before, pushed, deleted)]
    assert lacking == [True, False, True]

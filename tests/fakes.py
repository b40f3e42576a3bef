"""Which registry answers in a test? One made of values, that tells what it was asked.

It is honest unless told otherwise: `spoil` scripts the answers of one place, `TRUTH` ends a
script, and a function among the answers changes the registry just before it answers.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from exporter.audit import audit
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector, RegistryKind
from exporter.facts.use import ReferenceClass, Use, Workload
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.manifest import Referrer
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag
from exporter.ports import Absent, BlobRead, Listing, ManifestBody, Unseen, Wrong
from exporter.resolve import scope
from exporter.resolve.target import AuditLimits, Target

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.judge.tag_verdict import Child, TagVerdict
    from tests.worlds import Made

HOST: Final = "registry.example"
NOW: Final = 1_776_852_000.0
APP: Final = Repository("app")


class Truth:
    """The answer of a registry that nobody spoils."""


TRUTH: Final = Truth()
NO_MANIFEST: Final = Absent("MANIFEST_UNKNOWN")
NO_BLOB: Final = Absent("BLOB_UNKNOWN")
NO_NAME: Final = Absent("NAME_UNKNOWN")

Answer = Truth | Absent | Wrong | Reason | int | Listing[str] | Callable[[], None]
"""A reason is raised as `Unseen`; a number is what a HEAD claims; a function is called, and then
the truth is told."""


class Script:
    """Answers in order; the last one stands for ever, and a function is called only once."""

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        self.answers = list(answers)

    def next(self) -> Answer:
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        elif callable(answer):
            self.answers = [TRUTH]
        return answer


@dataclass
class Fake:
    """A registry made of values; implements `exporter.ports.Registry`."""

    name: str = HOST
    manifests: dict[tuple[Repository, Digest], bytes] = field(default_factory=dict)
    blobs: dict[tuple[Repository, Digest], bytes] = field(default_factory=dict)
    tagged: dict[Repository, dict[Tag, Digest]] = field(default_factory=dict)
    scripts: dict[tuple[str, str], Script] = field(default_factory=dict)
    collects: Collector = Collector.DISTRIBUTION_2
    """What a denial tells of its collector."""
    shows: RegistryKind = UNKNOWN_KIND
    """What every answer tells."""
    tells_lengths: bool = True
    """Does a HEAD of a blob say how long it is?"""
    sends_parts: bool = True
    """Does it send the last byte where that is asked for, and not the whole blob?"""
    ranges: bool | None = None
    serves_referrers: bool = True
    leaves_trace: bool | None = None
    loses_to_get: bool = False
    """Does it answer HEAD for manifests that GET does not find?"""
    read_in_full: Counter[tuple[Repository, Digest]] = field(default_factory=Counter)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Every question: method, kind, repository, name."""
    down: bool = False
    patience: int | None = None
    """So many questions are still answered, and then none is; None answers them all."""
    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where a question waits for an answer that will not come."""
    under_way: int = 0
    most_under_way: int = 0

    def push(
        self,
        made: Made,
        tag: str | None = None,
        repository: Repository = APP,
        at: Digest | None = None,
    ) -> Made:
        """Store an image with everything below it; point a tag at it, or at `at`."""
        self.tagged.setdefault(repository, {})
        for each in made.walk():
            self.manifests[repository, each.digest] = each.body
            for blob in each.blobs:
                if blob.stored:
                    self.blobs[repository, blob.digest] = blob.body
        if tag:
            self.tagged[repository][Tag(tag)] = at or made.digest
        return made

    def untag(self, tag: str, repository: Repository = APP) -> None:
        del self.tagged[repository][Tag(tag)]

    def sweep(self, *digests: Digest, repository: Repository = APP) -> None:
        """Remove manifests or blobs, as a collection does."""
        for digest in digests:
            self.manifests.pop((repository, digest), None)
            self.blobs.pop((repository, digest), None)

    def spoil(self, name: str, *answers: Answer, repository: Repository = APP) -> None:
        """Script what is answered about a tag, a digest, or `*`: the tags, the catalogue."""
        self.scripts[repository, name] = Script(answers)

    def counted(self, repository: Repository | None = None) -> Counter[tuple[str, str]]:
        """How often each kind of question was put, by method and kind."""
        return Counter(
            (method, kind)
            for method, kind, where, _ in self.asked
            if repository is None or where == repository
        )

    def asked_about(self, name: str, method: str | None = None) -> int:
        """How often one tag or digest was asked about."""
        return sum(name == each[3] and method in (None, each[0]) for each in self.asked)

    async def _ask(self, method: str, kind: str, repository: str, name: str) -> Answer:
        self.asked.append((method, kind, repository, name))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.patience is not None and len(self.asked) > self.patience:
                self.stuck.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        subject = f"{repository} {name}".strip()
        if self.down:
            raise Unseen(subject, Reason.CONNECT)
        script = self.scripts.get((repository, name))
        answer = script.next() if script else TRUTH
        if isinstance(answer, Reason):
            raise Unseen(subject, answer, "as scripted")
        if callable(answer):
            answer()
            return TRUTH
        return answer

    async def ping(self) -> None:
        await self._ask("GET", "base", "", "/")

    async def repositories(self) -> Listing[Repository]:
        answer = await self._ask("GET", "catalogue", "", "*")
        if isinstance(answer, Listing):
            return Listing(tuple(map(Repository, answer.entries)), answer.gaps)
        return Listing(tuple(self.tagged))

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        answer = await self._ask("GET", "tags", repository, "*")
        if isinstance(answer, Listing):
            return Listing(tuple(map(Tag, answer.entries)), answer.gaps)
        if isinstance(answer, Absent):
            return answer
        tags = self.tagged.get(repository)
        return NO_NAME if tags is None else Listing(tuple(tags))

    async def kind(self, repository: Repository | None) -> RegistryKind:
        if repository is None:
            return self.shows
        await self._ask("GET", "kind", repository, "?")
        named = "unknown" if self.collects is Collector.UNKNOWN else "toy"
        return self.shows if self.shows.known else RegistryKind(named, "", self.collects)

    async def head(self, repository: Repository, reference: Tag | Digest) -> Digest | Absent:
        kind = "manifest" if isinstance(reference, Digest) else "tag"
        answer = await self._ask("HEAD", kind, repository, reference)
        if isinstance(answer, Absent):
            return answer
        if isinstance(reference, Digest):
            return reference if (repository, reference) in self.manifests else NO_MANIFEST
        digest = self.tagged.get(repository, {}).get(reference)
        there = digest is not None and (repository, digest) in self.manifests
        return digest if digest and there else replace(NO_MANIFEST, revision=digest)

    async def verify_tag(
        self, repository: Repository, tag: Tag, claimed: Digest
    ) -> Digest | Absent | Wrong:
        del claimed  # it claims nothing but the truth
        answer = await self._ask("GET", "tag", repository, tag)
        if isinstance(answer, Absent):
            return answer
        digest = self.tagged.get(repository, {}).get(tag)
        if self.loses_to_get:
            return NO_MANIFEST
        script = self.scripts.get((repository, digest or ""))
        if script and isinstance(spoiled := script.answers[0], Absent | Wrong):
            return spoiled
        return digest if digest and (repository, digest) in self.manifests else NO_MANIFEST

    async def manifest(
        self, repository: Repository, digest: Digest
    ) -> ManifestBody | Absent | Wrong:
        answer = await self._ask("GET", "manifest", repository, digest)
        if isinstance(answer, Absent | Wrong):
            return answer
        body = self.manifests.get((repository, digest))
        if body is None or self.loses_to_get:
            return NO_MANIFEST
        return ManifestBody(digest, body)

    async def referrers(self, repository: Repository, subject: Digest) -> Listing[Referrer] | None:
        answer = await self._ask("GET", "referrers", repository, f"referrers {subject}")
        if isinstance(answer, Listing):
            return answer
        if not self.serves_referrers:
            return None
        found = []
        for (where, digest), body in self.manifests.items():
            document = json.loads(body)
            named = document.get("subject") or {}
            if where == repository and named.get("digest") == subject:
                kind = document.get("artifactType") or document["config"]["mediaType"]
                found.append(Referrer(Descriptor(OCI_MANIFEST, digest, len(body)), kind))
        return Listing(tuple(found))

    async def stands(self, repository: Repository, digest: Digest) -> bool:
        if not self.leaves_trace:
            return isinstance(await self.manifest(repository, digest), ManifestBody)
        return isinstance(await self.head(repository, digest), Digest)

    async def stat(self, repository: Repository, blob: Descriptor) -> int | Absent | None:
        answer = await self._ask("HEAD", "blob", repository, blob.digest)
        if isinstance(answer, Absent | int):
            return answer
        body = self.blobs.get((repository, blob.digest))
        length = len(body or b"") if self.tells_lengths else None
        return NO_BLOB if body is None else length

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> BlobRead | Absent | Wrong:
        answer = await self._ask("GET", "whole" if whole else "blob", repository, blob.digest)
        if isinstance(answer, Absent | Wrong):
            return answer
        body = self.blobs.get((repository, blob.digest))
        if body is None:
            return NO_BLOB
        if blob.size is not None and len(body) < blob.size:
            return Wrong(f"{len(body)} of {blob.size} bytes")
        self.ranges = self.sends_parts or (self.ranges if len(body) == 1 else False)
        if not whole and self.sends_parts:
            return BlobRead(body[-1:])
        self.read_in_full[repository, blob.digest] += 1
        if Digest.of(body, blob.digest.algorithm) != blob.digest:
            return Wrong(f"hashes to {Digest.of(body)}", mismatch=True)
        return BlobRead(body if whole else body[-1:], hashed=True)


@dataclass
class Notes:
    """What outlives a process, in a dict; implements `exporter.sources.Memory`."""

    bodies: dict[Digest, bytes] = field(default_factory=dict)
    handed: list[int] = field(default_factory=list)
    """How many bodies came at a time."""

    def manifest(self, digest: Digest) -> bytes | None:
        return self.bodies.get(digest)

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        self.bodies |= bodies
        self.handed.append(len(bodies))


def target(registry: Fake, notes: Notes | None = None, **other: object) -> Target:
    """Everything of a registry, every tag, no pauses; other fields as told."""
    everything: dict[str, object] = {
        "scope": scope.AuditScope(select=("*",)),
        "limits": AuditLimits(width=4, confirm_after=0.0),
    }
    return replace(Target(registry, notes or Notes(), frozenset({HOST})), **everything | other)


def use(
    text: str,
    *platforms: str,
    reference_class: ReferenceClass = ReferenceClass.LIVE,
    admitted: Iterable[str] = (),
    **known: Any,
) -> Use:
    """Somebody wants `app:v1`, on these platforms; other fields are what a cluster knows."""
    wanted, further = (frozenset(map(Platform.parse, each)) for each in (platforms, admitted))
    named = Reference.parse(f"{HOST}/{text}")
    return Use("refs.yml:1", named, reference_class, wanted, further, **known)


def workload(kind: str, name: str, cluster: str = "prod") -> Workload:
    """`workload("Deployment", "shop/web")`, of the cluster prod."""
    namespace, _, own = name.partition("/")
    return Workload(cluster, namespace, kind, own)


def cut_list(*entries: str, scope: Scope = Scope.REPOSITORY) -> Listing[str]:
    """A list of which the registry let us see only these."""
    return Listing(entries, (Gap(scope, APP, Reason.INCOMPLETE_LIST),))


async def turns(most: int = 200) -> None:
    """Let everything go on that waits for nothing but its turn."""
    for _ in range(most):
        await asyncio.sleep(0)


async def audited(
    asked: Target | Fake, *uses: Use, before: Report | None = None, now: float = NOW
) -> Report:
    """Audit a registry, everything of it unless told otherwise."""
    told = asked if isinstance(asked, Target) else target(asked)
    return await audit(told, Listing(uses), before, now)


def verdict(report: Report, name: str = "v1") -> TagVerdict:
    """The verdict on one tag."""
    (found,) = [each for each in report.verdicts if each.root.name == name]
    return found


def child(report: Report, digest: Digest, name: str = "v1") -> Child:
    """The verdict on one child of one tag."""
    (found,) = [each for each in verdict(report, name).children if each.digest == digest]
    return found


def codes(report: Report) -> list[tuple[str, str]]:
    """Every finding's rule and severity."""
    return [(each.rule.code, each.severity.value) for each in report.findings]

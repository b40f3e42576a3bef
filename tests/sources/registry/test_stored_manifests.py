"""A manifest that its own endpoint cuts short or answers with 5xx: the stored bytes decide."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.oci.digest import Digest
from exporter.ports import Unseen, Wrong
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from tests.fakes import APP, Notes, audited, verdict
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import registry_at
from tests.worlds import Made, two_platforms

INDEX: Final = two_platforms("stored")
AMD64, ARM64 = INDEX.children
FAILS: Final = Answer(500)
NOWHERE: Final = Answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
LOGIN: Final = Answer(200, b'{"login":"please"}', {"Content-Type": "application/json"})


def told(detail: str) -> Answer:
    """What distribution says of a manifest: it puts the error into the detail."""
    return Answer(500, b'{"errors":[{"code":"UNKNOWN","detail":%s}]}' % detail.encode())


DISTRIBUTION_2: Final = told('{"Offset":245}')
DISTRIBUTION_3: Final = told('"unexpected end of JSON input"')


def named(body: bytes, digest: Digest, announced: int | None = None) -> Answer:
    return Answer(200, body, {"Docker-Content-Digest": digest}, announced)


def cut(made: Made) -> Answer:
    kind = {"Content-Type": made.media_type, "Docker-Content-Digest": str(made.digest)}
    return Answer(200, made.body[:100], kind, len(made.body))


@dataclass
class Server:
    """A registry of one repository; what it says of a path may be spoiled."""

    made: Made
    spoiled: dict[str, Answer] = field(default_factory=dict)

    def spoil(self, manifest: Made, answer: Answer, file: Answer) -> None:
        """Answer so for a manifest, at its endpoint and among the blobs."""
        self.spoiled[f"manifests/{manifest.digest}"] = answer
        self.spoiled[f"blobs/{manifest.digest}"] = file
        if manifest is self.made:
            self.spoiled["manifests/v1"] = answer

    def __call__(self, asked: Asked) -> Answer:
        path = asked.target.partition("/v2/app/")[2]
        spoiled = self.spoiled.get(path)
        if asked.method == "HEAD" and spoiled and spoiled.status == 200:
            spoiled = None  # a header is answered from a database
        found = spoiled or self._honest(path)
        if asked.method == "HEAD":
            return replace(found, body=b"", announced=len(found.body))
        return found

    def _honest(self, path: str) -> Answer:
        if path == "tags/list":
            return Answer(200, b'{"name":"app","tags":["v1"]}')
        kind, _, name = path.partition("/")
        for each in self.made.walk():
            if kind == "manifests" and name in (each.digest, "v1" if each is self.made else ""):
                headers = {"Content-Type": each.media_type, "Docker-Content-Digest": each.digest}
                return Answer(200, each.body, headers)
            for blob in each.blobs:
                if kind == "blobs" and name == blob.digest:
                    return named(blob.body, blob.digest)
        return Answer(200, b"{}") if not path else NOWHERE


@pytest.mark.parametrize(
    ("answer", "file", "found"),
    [
        (FAILS, named(AMD64.body, AMD64.digest), Reason.SERVER_ERROR),
        (FAILS, Answer(200, AMD64.body), Reason.SERVER_ERROR),
        (FAILS, NOWHERE, Reason.SERVER_ERROR),
        (FAILS, FAILS, Reason.SERVER_ERROR),
        (FAILS, LOGIN, Reason.SERVER_ERROR),
        (FAILS, Answer(200, b"<html>", {"Content-Type": "text/html"}), Reason.SERVER_ERROR),
        (FAILS, named(b"x", Digest.of(b"x")), Reason.SERVER_ERROR),
        (FAILS, named(AMD64.body[:100], AMD64.digest), Wrong),
        (FAILS, named(AMD64.body[:100], AMD64.digest, len(AMD64.body)), Wrong),
        (FAILS, named(b"", AMD64.digest), Wrong),
        (FAILS, named(b"\0" + AMD64.body[1:], AMD64.digest), Wrong),
        (cut(AMD64), named(AMD64.body, AMD64.digest), Reason.TRUNCATED),
        (cut(AMD64), named(AMD64.body[:100], AMD64.digest, len(AMD64.body)), Wrong),
        (cut(AMD64), NOWHERE, Wrong),
        (cut(AMD64), FAILS, Wrong),
        (DISTRIBUTION_2, NOWHERE, Wrong),
        (DISTRIBUTION_3, NOWHERE, Wrong),
        (told("\"invalid character 'x' looking for beginning of value\""), NOWHERE, Wrong),
        (told("\"invalid character 'â' looking for beginning of value\""), NOWHERE, Wrong),
        (
            told('{"Value":"string","Type":{},"Offset":9,"Struct":"Manifest","Field":"layers"}'),
            NOWHERE,
            Wrong,
        ),
        (told("[{}]"), NOWHERE, Wrong),
        (told('"json: cannot unmarshal string into Go struct field x of type y"'), NOWHERE, Wrong),
        (told('"unrecognized manifest schema version 3"'), NOWHERE, Wrong),
        (
            told('"errors verifying manifest: unrecognized manifest content type x"'),
            NOWHERE,
            Wrong,
        ),
        (told("{}"), NOWHERE, Reason.SERVER_ERROR),
        (told("[{},{}]"), NOWHERE, Reason.SERVER_ERROR),
        (told('"unrecognized error"'), NOWHERE, Reason.SERVER_ERROR),
        (told('{"Offset":1,"Value":"string","Type":{}}'), NOWHERE, Reason.SERVER_ERROR),
        (told('"unexpected EOF"'), NOWHERE, Reason.SERVER_ERROR),
        (told('{"Path":"/x","Offset":1}'), NOWHERE, Reason.SERVER_ERROR),
        (Answer(403), named(b"x", AMD64.digest), Reason.DENIED),
    ],
)
async def test_what_the_stored_bytes_prove(answer: Answer, file: Answer, found: object) -> None:
    server = Server(AMD64)
    server.spoil(AMD64, answer, file)
    with serving(server) as url:
        async with registry_at(url) as registry:
            if found is Wrong:
                assert isinstance(await registry.manifest(APP, AMD64.digest), Wrong)
                explained = answer.status == FAILS.status and answer.body
                assert not (explained and registry.tally.retries)
                return
            with pytest.raises(Unseen) as caught:
                await registry.manifest(APP, AMD64.digest)
            assert caught.value.reason is found


DAMAGE: Final = {
    "zot: does not parse": (FAILS, lambda made: named(made.body[:100], made.digest)),
    "Gitea: cut": (cut, lambda made: named(made.body[:100], made.digest, len(made.body))),
    "distribution 2.8: does not parse": (DISTRIBUTION_2, lambda _: NOWHERE),
    "distribution 3.1: does not parse": (DISTRIBUTION_3, lambda _: NOWHERE),
    "cut, and no file among the blobs": (cut, lambda _: NOWHERE),
}


@pytest.mark.parametrize("known", [False, True], ids=["first read", "cached"])
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("child", [False, True], ids=["top", "child"])
async def test_a_damaged_manifest_is_broken_as_a_damaged_layer_is(
    damage: str,
    *,
    child: bool,
    known: bool,
) -> None:
    server = Server(INDEX)
    made = AMD64 if child else INDEX
    answer, file = DAMAGE[damage]
    server.spoil(made, answer(made) if callable(answer) else answer, file(made))
    bodies = {each.digest: each.body for each in INDEX.walk()} if known else {}
    with serving(server) as url:
        async with registry_at(url) as registry:
            target = Target(
                registry,
                Notes(bodies),
                frozenset({"registry"}),
                scope=AuditScope(catalogue=False, listed=(APP,), select=("*",)),
                limits=AuditLimits(confirm_after=0.0),
            )
            report = await audited(target)

    state = verdict(report).state
    if damage.startswith("zot") and not child:
        assert state is State.UNKNOWN, "nothing tells what the tag references"
    elif damage.startswith(("zot", "distribution")) or not known:
        assert state in (State.BROKEN, State.MISSING)
    else:
        assert state is State.PRESENT, "its body is kept, and HEAD is answered"

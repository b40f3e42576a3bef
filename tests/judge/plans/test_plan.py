"""Is another tool's list understood, and is it said where it is not?"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.judge.plans.deletion import Deletion, DeletionKind, DeletionList
from exporter.judge.plans.plan import read

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
CORPUS: Final = Path(__file__).parents[2] / "gc_corpus" / "cases.jsonl.gz"
DRY_RUN_2: Final = f"""\
app
manifest eligible for deletion: {A}
app: marking manifest {B} \n\
app: marking blob {A}
web/front
web/front: marking manifest {B} \n\

3 blobs marked, 1 blobs and 1 manifests eligible for deletion
blob eligible for deletion: {C}
"""
DRY_RUN_3: Final = f"""\
app
app: marking manifest {B} \n\
manifest eligible for deletion: {{app {A} [v1 v2]}}

1 blobs marked, 1 blobs and 1 manifests eligible for deletion
blob eligible for deletion: {C}
app: layer link eligible for deletion: {C}
"""


def of(text: str) -> DeletionList:
    return read(text.splitlines())


def understood(text: str) -> set[Deletion]:
    listed = of(text)
    assert (listed.unknown, listed.doubts) == (0, ())
    return set(listed.deletions)


def test_a_dry_run_of_distribution_2_names_the_repository_by_a_line_of_its_own() -> None:
    assert understood(DRY_RUN_2) == {
        Deletion(DeletionKind.MANIFEST, "app", A),
        Deletion(DeletionKind.BLOB, digest=C),
    }


def test_a_dry_run_of_distribution_3_names_repository_digest_and_all_tags_there_are() -> None:
    assert understood(DRY_RUN_3) == {
        Deletion(DeletionKind.MANIFEST, "app", A),
        Deletion(DeletionKind.BLOB, digest=C),
        Deletion(DeletionKind.LAYER_LINK, "app", C),
    }


@pytest.mark.parametrize(
    "dress",
    [
        "2026-04-22T10:00:00.123456789Z {}",
        "2026-04-22T10:00:00.123456789+02:00 stdout F {}",
        "[pod/registry-7d9/registry] 2026-04-22T10:00:00Z {}",
        "registry-1  | {}",
        "Apr 22 10:00:00 host docker-registry[812]: {}",
        "##[group]{}",
    ],
)
@pytest.mark.parametrize("dry_run", [DRY_RUN_2, DRY_RUN_3])
def test_what_others_wrap_around_the_lines_changes_nothing(dress: str, dry_run: str) -> None:
    dressed = "\n".join(dress.format(line) for line in dry_run.splitlines())

    assert understood(dressed) == understood(dry_run)


def test_a_real_runs_log_lines_between_the_others_say_the_same_once_more() -> None:
    log = 'time="2026-04-22T10:00:00Z" level=info msg="{}" go.version=go1.25.1'
    root, a, c = "/docker/registry/v2", A[7:], C[7:]
    lines = (
        log.format(f"deleting manifest: {root}/repositories/app/_manifests/revisions/sha256/{a}"),
        f"INFO[0000] Deleting blob: {root}/blobs/sha256/{c[:2]}/{c}  go.version=go1.7.6 a=b",
        log.format(f"Deleting layer link path: {root}/repositories/app/_layers/sha256/{c}/link"),
        log.format(f"deleting manifest tag reference: {root}/repositories/app/_manifests/tags/v1"),
    )

    assert understood(DRY_RUN_3 + "\n".join(lines)) == understood(DRY_RUN_3)


def test_a_dry_run_that_was_cut_off_is_doubted() -> None:
    assert of(DRY_RUN_2[: DRY_RUN_2.index("\n3 blobs")]).doubts == (
        "it ends before the collector's summary: cut off, or cut out",
    )
    assert of(DRY_RUN_2.replace(f"manifest eligible for deletion: {A}\n", "")).doubts == (
        "manifests announced at its end: 1, listed: 0",
    )


def test_a_collector_that_gave_up_while_marking_deletes_nothing() -> None:
    error = "failed to mark: filesystem: invalid checksum digest format"
    listed = of(f"app\nmanifest eligible for deletion: {A}\nfailed to garbage collect: {error}")

    assert (listed.deletions, listed.gave_up, listed.doubts) == ((), error, ())


def test_one_that_gave_up_later_is_doubted() -> None:
    (doubt,) = of(DRY_RUN_2 + "failed to garbage collect: failed to delete manifest").doubts

    assert doubt == "the garbage collection aborted midway: failed to delete manifest"


def test_a_plain_list_may_hold_digests_references_and_both() -> None:
    text = f"""\
# to be deleted on Friday
{A}
app@{B}
registry.example:5000/team/app:v1
- "localhost/app:v2@{C}"
"""
    assert understood(text) == {
        Deletion(DeletionKind.MANIFEST, "", A),
        Deletion(DeletionKind.MANIFEST, "app", B),
        Deletion(DeletionKind.TAG, "team/app", tag="v1", host="registry.example:5000"),
        Deletion(DeletionKind.MANIFEST, "app", C, "v2", "localhost"),
    }


def test_a_purge_of_azure_is_counted_against_its_own_totals() -> None:
    text = f"""\
DRY RUN: The following output shows what WOULD be deleted if the purge command was executed.
Would delete tags for repository: app
Would delete: me.azurecr.io/app:1.0.191
Would delete manifests for repository: app
Would delete: me.azurecr.io/app@{A}

Number of tags to be deleted: 1
Number of manifests to be deleted: 1
"""
    assert understood(text) == {
        Deletion(DeletionKind.TAG, "app", tag="1.0.191", host="me.azurecr.io"),
        Deletion(DeletionKind.MANIFEST, "app", A, host="me.azurecr.io"),
    }
    assert of(text.replace("tags to be deleted: 1", "tags to be deleted: 2")).doubts == (
        "tags announced at its end: 2, listed: 1",
    )


def test_an_older_purge_of_azure_lists_bare_references() -> None:
    text = """\
2024/05/08 12:48:28 Launching container with name: acb_step_0
Tags for this repository would be deleted: app
me.azurecr.io/app:2.0.4
Deleted me.azurecr.io/app:2.0.5
"""
    listed = of(text)

    assert {each.tag for each in listed.deletions} == {"2.0.4", "2.0.5"}
    assert listed.examples == ("Launching container with name: acb_step_0",)
    assert listed.doubts == ()


def test_a_retention_policy_on_github_takes_the_manifest_with_the_tag() -> None:
    line = (
        "2024-07-09T20:16:09.764770Z  INFO container_retention_policy::client::client: dry-run: "
        "Would have deleted \x1b[34mapp\x1b[0m:\x1b[32mtest-4\x1b[0m package_version=241406801"
    )
    assert understood(line) == {Deletion(DeletionKind.VERSION, "app", tag="test-4")}
    assert of(line.replace("test-4", "<untagged>")).doubts == (
        "could not read 1 line that may name a deletion",
    )


def test_a_cleanup_on_github_names_the_digest_and_the_tags() -> None:
    text = f"""\
##[group][app] Deleting packages
 deleting package id: 12 digest: {A} tag: v1,v2
 deleting package id: 13 digest: {B} architecture: linux/amd64
 skipping package id: 14 digest: {C} as it's in use by another image
##[endgroup]
[app] Untagging images: old
total images deleted = 2
"""
    assert understood(text) == {
        Deletion(DeletionKind.MANIFEST, "app", A, "v1"),
        Deletion(DeletionKind.MANIFEST, "app", A, "v2"),
        Deletion(DeletionKind.MANIFEST, "app", B),
        Deletion(DeletionKind.TAG, "app", tag="old"),
    }


def test_a_pruning_on_github_names_digests_without_their_repository() -> None:
    version = json.dumps({"id": 1, "name": A, "created_at": "2026", "tags": ["v1"]})

    assert understood(f"Dry-run pruning of: {version}\nPruning version #2 named '{B}'...") == {
        Deletion(DeletionKind.MANIFEST, "", A, "v1"),
        Deletion(DeletionKind.MANIFEST, "", B),
    }


def test_a_deletion_by_a_version_number_alone_is_doubted() -> None:
    url = "https://api.github.com/users/me/packages/container/app/versions/12"

    assert of(f"DRY RUn delete {url}").doubts == ("could not read 1 line that may name a deletion",)


def test_a_scripts_calls_of_the_api_are_understood() -> None:
    text = f"""\
DELETE https://registry.example/v2/team/app/manifests/{A}
DELETE /v2/app/manifests/v1 -> 202
"""
    assert understood(text) == {
        Deletion(DeletionKind.MANIFEST, "team/app", A, host="registry.example"),
        Deletion(DeletionKind.TAG, "app", tag="v1"),
    }


def test_a_line_that_may_be_a_deletion_and_is_not_understood_is_a_doubt() -> None:
    listed = of(f"zap {A} now\nhello there\nPURGING everything")

    assert (listed.deletions, listed.unknown) == ((), 3)
    assert listed.doubts == ("could not read 2 lines that may name a deletion",)


def test_a_name_alone_means_something_only_to_a_collector() -> None:
    listed = of("app\nweb")

    assert listed.unknown == 2
    assert listed.doubts == ("2 names have neither a tag nor a digest",)


def test_every_recorded_dry_run_is_read_as_what_was_removed() -> None:
    """The corpus' own removals: what is understood must be them, on every tree that ended well."""
    with gzip.open(CORPUS, "rt") as lines:
        cases = [json.loads(line) for line in lines]
    runs = [run for case in cases for modes in case["runs"].values() for run in modes.values()]
    seen = 0
    for run in runs:
        if run["exit"]:
            continue
        listed = read(run["stdout"])
        assert (listed.unknown, listed.doubts) == (0, ())
        blobs = {path.split("/")[3] for path in run["removed"] if path.startswith("blobs/")}
        named = {each.digest[7:] for each in listed.deletions if each.kind is DeletionKind.BLOB}
        assert blobs == named
        links = {path for path in run["removed"] if "/_layers/" in path}
        named = {_link(each) for each in listed.deletions if each.kind is DeletionKind.LAYER_LINK}
        assert links == named
        revisions = {path for path in run["removed"] if "/revisions/" in path}
        named = {_revision(each) for each in listed.deletions if each.kind is DeletionKind.MANIFEST}
        assert revisions <= named
        seen += 1
    assert seen > 500


def _link(deletion: Deletion) -> str:
    return f"repositories/{deletion.repository}/_layers/{deletion.digest.replace(':', '/')}/link"


def _revision(deletion: Deletion) -> str:
    digest = deletion.digest.replace(":", "/")
    return f"repositories/{deletion.repository}/_manifests/revisions/{digest}/link"


@given(st.lists(st.text(max_size=200)))
def test_no_line_is_lost_whatever_it_says(lines: list[str]) -> None:
    listed = read(lines)

    assert listed.unknown <= listed.lines <= len(lines)
    assert listed.formats or listed.unknown == listed.lines

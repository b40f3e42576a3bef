"""The JSON report says what the report says, and is what its schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.publish.answers.document import encode, schema
from exporter.publish.answers.report import ReportDocument, document
from exporter.publish.status import RegistryStatus
from tests.fakes import use, workload
from tests.golden import golden
from tests.publish.reports import (
    ARM64,
    BROKEN,
    MISSING,
    TAKEN_AT,
    UNKNOWN,
    child,
    digest,
    gone,
    incident,
    report,
    status,
    storage,
    tag,
    unreadable,
)

SCHEMA = schema(ReportDocument, "report")
DOCS = Path(__file__).parents[3] / "docs"


def written(*statuses: RegistryStatus) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(document(statuses, TAKEN_AT + 60)))
    return found


def only_tag(*verdicts: Any) -> dict[str, Any]:
    (entry,) = written(status(report(*verdicts)))["tags"]
    assert isinstance(entry, dict)
    return entry


def test_the_whole_document_is_what_was_reviewed() -> None:
    body = encode(document([status(incident())], TAKEN_AT + 60), indent=2).decode()

    golden("report.json", body + "\n")


@pytest.mark.parametrize(
    "about",
    [
        status(incident()),
        status(None),
        status(replace(report(), storage=storage())),
        status(report(gone("app:v1"), tag("app@", child(), lacking=(ARM64,)))),
    ],
)
def test_documents_are_what_the_schema_says(about: RegistryStatus) -> None:
    published = json.loads((DOCS / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(published)
    validator.check_schema(published)

    validator.validate(written(about))


def test_a_storage_and_its_next_collections_stand_by_the_registry() -> None:
    (entry,) = written(status(replace(report(), storage=storage())))["registries"]
    said = entry["storage"]

    assert (said["stored_bytes"], said["referenced_bytes"]) == (5_000, 4_200)
    reasons = {"untagged": 200, "orphaned_blob": 500, "stale_upload": 300}
    assert said["reclaimable_bytes"] == reasons
    breaking, stopped = said["predictions"]
    assert (breaking["dialect"], breaking["mode"]) == ("distribution-2", "delete-untagged")
    assert breaking["victims"] == {
        "live": 2,
        "idle": 0,
        "rollback": 0,
        "latest": 0,
        "selected": 0,
    }
    assert (breaking["abort"], stopped["abort"]) == (None, "failed to mark: no such thing")
    assert said["sole_protectors"] == [{"repository": "app", "tag": "v1-amd64", "children": 1}]
    assert said["preconditions"][0]["code"] == "no-tags"
    assert said["repositories"][0]["exclusive_bytes"] == 4_000


def test_without_a_storage_nothing_is_said_of_one() -> None:
    assert written(status(report()))["registries"][0]["storage"] is None
    assert written(status(None))["registries"][0]["storage"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "healthy"), ("digest", "sha256:abc"), ("class", "dead"), ("children", None)],
)
def test_the_schema_refuses_what_no_report_says(field: str, value: object) -> None:
    document = written(status(incident()))
    document["tags"][0][field] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_every_field_is_always_there() -> None:
    """A consumer tells "none" (null, empty) from "not said": nothing is ever left out."""
    for entry in SCHEMA["$defs"].values():
        assert set(entry.get("properties", ())) == set(entry.get("required", ()))


def test_a_broken_child_names_what_is_absent_of_it() -> None:
    (entry,) = only_tag(tag("app:v1", child(state=BROKEN)))["children"]

    assert entry["state"] == "broken"
    layer = str(digest(f"layer of {digest('amd64')}"))
    detail = "0 of 1034 bytes"
    expected = {"digest": layer, "kind": "layer", "size": 1034, "state": "broken", "detail": detail}
    assert entry["lacks"] == [expected]


def test_a_missing_child_is_absent_itself() -> None:
    (entry,) = only_tag(tag("app:v1", child(state=MISSING)))["children"]

    assert [(lack["kind"], lack["digest"]) for lack in entry["lacks"]] == [
        ("manifest", str(digest("amd64")))
    ]


def test_an_unknown_child_says_why_and_claims_no_proof() -> None:
    (entry,) = only_tag(tag("app:v1", child(state=UNKNOWN)))["children"]

    assert (entry["state"], entry["reason"], entry["proof"]) == ("unknown", "timeout", "nothing")


def test_a_tag_that_is_gone_has_one_missing_child() -> None:
    entry = only_tag(gone("app:v1"))

    assert (entry["state"], entry["digest"]) == ("missing", None)
    assert [each["state"] for each in entry["children"]] == ["missing"]


def test_an_image_pinned_by_digest_has_no_tag() -> None:
    entry = only_tag(tag("app@", child()))

    assert (entry["repository"], entry["tag"]) == ("app", None)
    assert entry["digest"] == str(digest("index of app@"))


def test_a_lacking_platform_is_named_and_makes_the_tag_broken() -> None:
    entry = only_tag(tag("app:v1", child(), lacking=(ARM64,)))

    assert (entry["state"], entry["lacking_platforms"]) == ("broken", ["linux/arm64"])


def test_the_class_is_called_class() -> None:
    assert only_tag(tag("app:old", reference=ReferenceClass.ROLLBACK))["class"] == "rollback"


def test_a_finding_says_since_when() -> None:
    since = {entry["since"] for entry in written(status(incident()))["findings"]}

    assert since == {"2026-04-22T08:30:00Z"}
    assert written(status(incident()))["tags"][0]["since"] == "2026-04-22T08:30:00Z"
    assert written(status(report(unreadable("app:v1"))))["tags"][0]["since"] is None


def test_what_a_later_attempt_could_not_see_is_a_gap_too_and_each_gap_is_said_once() -> None:
    served = Gap(Scope.REPOSITORY, "shop/vault", Reason.DENIED, "403 Forbidden")
    later = Gap(Scope.REGISTRY, "registry.example", Reason.TIMEOUT)
    about = status(incident(), up=False, gaps=(served, later))

    reasons = [gap["reason"] for gap in written(about)["gaps"]]
    assert reasons == ["denied", "timeout"]


def test_a_registry_without_a_report_is_still_listed() -> None:
    (entry,) = written(status(None))["registries"]

    assert (entry["registry"], entry["up"], entry["taken_at"]) == ("registry.example", None, None)


def test_a_single_audit_stands_like_a_registry_after_it() -> None:
    blind = Gap(Scope.REGISTRY, "registry.example", Reason.TLS)
    seen, unseen = (
        RegistryStatus.once(incident()),
        RegistryStatus.once(report(gone=True, gaps=(blind,))),
    )

    assert (seen.up, seen.last_success) == (True, TAKEN_AT)
    assert (unseen.up, unseen.last_success, unseen.gaps) == (False, None, (blind,))


def test_only_those_are_hit_whose_nodes_would_pull_what_is_gone() -> None:
    named = {each: workload("Deployment", f"a/{each}") for each in ("amd64", "arm64")}
    uses = tuple(use("app:v1", f"linux/{each}", workload=named[each]) for each in named)
    lost = tag("app:v1", child("amd64"), child("arm64", MISSING), uses=uses)

    hit = {each["workload"]["name"]: each["hit"] for each in only_tag(lost)["used_by"]}
    assert hit == {"amd64": False, "arm64": True}

"""The help text of each command, and its exit codes."""

from __future__ import annotations

from typing import Final, NamedTuple


class About(NamedTuple):
    """The help text of one command."""

    question: str
    """In the list of commands."""
    answer: str
    """At the head of its own help."""
    exits: str = ""


PULLED: Final = "Exit codes: 0 all pullable, 1 something is not, 2 usage error, 3 inconclusive"

ABOUT: Final = {
    "serve": About(
        "Run periodic audits; serve metrics and a status page",
        "Audit the configured registries periodically, and serve metrics, pages and JSON until "
        "SIGTERM or SIGINT. SIGHUP reloads the configuration.",
        "Exit codes: 0 stopped by a signal, 2 usage error, 3 could not start (address or ledger "
        "in use)",
    ),
    "check": About(
        "Check whether images can be pulled",
        "Check images, or every tag of registries, down to the last byte of each layer, and "
        "report which platforms can be pulled.",
        PULLED,
    ),
    "inspect": About(
        "Show the tree of one image",
        "Show the tree of one image: what is present, what is lost, and which tags protect it.",
        PULLED,
    ),
    "explain": About(
        "Show who uses an image and what protects it",
        "Show whether an image is the latest, whether something live uses it, whether one tag is "
        "its only protection, and what breaks if it is removed.",
        "Exit codes: 0 answered, 2 usage error, 3 inconclusive",
    ),
    "snapshot": About(
        "Save the state of a registry to a file",
        "Audit every tag of a registry and save its state to a file, for `diff` and for --from of "
        "other commands.",
        "Exit codes: 0 saved, complete, 2 usage error, 3 saved, with gaps",
    ),
    "diff": About(
        "Compare two snapshots: what changed, and what broke",
        "Compare two snapshots, and tell intended removals from collateral damage.",
        "Exit codes: 0 nothing broke, 1 something broke, 2 usage error, 3 inconclusive",
    ),
    "protect": About(
        "Plan or set keep tags that survive a garbage collection",
        "List the keep tags that would protect manifests without a tag of their own. --apply sets "
        "them.",
        "Exit codes: 0 all protected, 1 some are not, 2 usage error, 3 inconclusive",
    ),
    "scrub": About(
        "Verify images by reading and hashing every byte",
        "Read every needed byte and compare it with its digest.",
        PULLED,
    ),
    "preflight": About(
        "Predict what a garbage collection or deletion would break",
        "Predict what a garbage collection, a cleanup plan or a deletion would remove, and which "
        "images it would break. It removes nothing.",
        "Exit codes: 0 SAFE, 1 UNSAFE, 2 usage error, 3 INCOMPLETE",
    ),
    "facts": About(
        "Export audit data as Parquet",
        "Export audit data as Parquet, for `capacity` and other engines.",
    ),
    "capacity": About(
        "Report storage use: needed, untagged, unreferenced",
        "Report how much of a registry's storage is needed, untagged and unreferenced, from the "
        "exports of all its shards.",
        "Exit codes: 0 complete, 2 usage error, 3 inconclusive or incomplete",
    ),
    "demo": About(
        "Run the exporter on an embedded registry with broken images",
        "Run the exporter on embedded registries with broken images, until Ctrl-C.",
    ),
}

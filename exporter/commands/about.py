"""What does each command answer, and with which exit code? As `--help` says it."""

from __future__ import annotations

from typing import Final, NamedTuple


class About(NamedTuple):
    """What is said of one command."""

    question: str
    """In the list of commands."""
    answer: str
    """At the head of its own help."""
    exits: str = ""


PULLED: Final = "exit: 0 can be pulled, 1 cannot, 2 not understood, 3 could not be told"

ABOUT: Final = {
    "serve": About(
        "audit on a clock: metrics, alerts, status page",
        "Audits the configured registries on a clock, and serves metrics, pages and JSON, until "
        "SIGTERM or SIGINT. SIGHUP reads the configuration again.",
        "exit: 0 told to stop, 2 not understood, 3 could not start: an address or ledger taken",
    ),
    "check": About(
        "can these images be pulled?",
        "Resolves images, or every tag of registries, down to the last byte of each layer, and "
        "says which platforms can be pulled.",
        PULLED,
    ),
    "inspect": About(
        "what is below one image?",
        "Shows the tree of one image: what is there, what is gone, and which tags protect it.",
        PULLED,
    ),
    "explain": About(
        "who needs this image, and what protects it?",
        "Says whether an image is the latest, whether something live uses it, whether a tag is "
        "its only protection, and who would be hurt if it went.",
        "exit: 0 answered, 2 not understood, 3 nothing could be seen",
    ),
    "snapshot": About(
        "keep what is seen of a whole registry",
        "Looks at every tag of a registry and keeps what was seen in a file, for `diff`, and for "
        "--from of other commands.",
        "exit: 0 kept and complete, 2 not understood, 3 kept, with gaps",
    ),
    "diff": About(
        "what did a cleanup change, and what did it break?",
        "Compares two snapshots: what was meant to go, apart from what was hit.",
        "exit: 0 nothing broke, 1 something did, 2 not understood, 3 cannot be told",
    ),
    "protect": About(
        "tags that keep children from a collection",
        "Names the tags that would protect what no tag points at; --apply sets them.",
        "exit: 0 all are protected, 1 some are not, 2 not understood, 3 cannot be told",
    ),
    "scrub": About(
        "are all bytes still right? reads them whole",
        "Reads every needed byte whole, and hashes it.",
        PULLED,
    ),
    "preflight": About(
        "whom would this collection or deletion hurt?",
        "Foretells what a collection, a plan of another tool or a deletion would remove, and who "
        "would be hurt by it. It removes nothing.",
        "exit: 0 SAFE, 1 UNSAFE, 2 not understood, 3 INCOMPLETE",
    ),
    "facts": About(
        "what was seen, as Parquet for other engines",
        "Writes what an audit saw as Parquet, for `capacity` and other engines.",
    ),
    "capacity": About(
        "what a whole registry holds, and for what",
        "Adds up what a registry stores, needs and holds for nothing, from the facts of all its "
        "shards.",
        "exit: 0 told, 2 not understood, 3 cannot be told, or not whole",
    ),
    "demo": About(
        "the exporter on a registry with the incident in it",
        "Runs the exporter on embedded registries in which things went wrong, until Ctrl-C.",
    ),
}

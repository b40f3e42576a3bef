"""How is said what a whole registry holds?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from exporter.facts.exports import Capacity, NoCapacity, StorageUsage, TagUsage
from exporter.publish.answers.capacity import blocks, document
from exporter.publish.answers.document import encode
from exporter.publish.render import terminal

SEEN = TagUsage(2, 1, 1, 2_048, 1)
STORED = StorageUsage(4_096, 1, 1_024, 1, 10, 2, 20, 30, (("team/a", 100), ("b\x1b[2J", 5)))


def program(answers: Sequence[Capacity | NoCapacity]) -> Any:
    return json.loads(encode(document(answers, 0.0)))["registries"]


def told(stored: StorageUsage | None, shards: int = 4) -> Capacity:
    return Capacity("main", shards, 0.0, SEEN, stored)


def test_a_person_reads_whole_sentences_and_nothing_that_moves_the_cursor() -> None:
    text = terminal.render(blocks([told(STORED)]))

    assert text.splitlines()[:3] == [
        "main: exported by 4 shards since 1970-01-01 00:00 UTC",
        "  2.0 KiB present, needed by 1 tag in scope in 2 repositories",
        "  1 manifest at risk, 1 repository not counted",
    ]
    assert "60 B" in text
    assert "\x1b" not in text


def test_without_a_storage_nothing_is_said_of_orphans() -> None:
    text = terminal.render(blocks([told(None, 1)]))

    assert "exported since" in text
    assert "orphaned" not in text
    assert text.endswith("No shard reads the storage: unreferenced data is unknown.\n")


def test_a_program_reads_numbers_and_reasons() -> None:
    known, unknown = program([told(STORED), NoCapacity("other", ("why",))])

    assert known["stored"]["reclaimable_bytes"] == 60
    assert known["stored"]["exclusive"] == {"team/a": 100, "b\x1b[2J": 5}
    assert known["seen"]["unprotected_children"] == 1
    assert (unknown["registry"], unknown["untold"]) == ("other", ["why"])
    assert known["untold"] == []
    assert unknown["seen"] is unknown["seen_in_part"] is unknown["stored"] is None


def test_what_was_seen_in_part_is_never_said_as_if_it_were_all() -> None:
    part = replace(told(STORED), incomplete=("shard 1 of 4 could not read prod: timeout",))

    text = terminal.render(blocks([part]))
    (read,) = program([part])

    assert text.splitlines()[1:6] == [
        "  incomplete: shard 1 of 4 could not read prod: timeout",
        "  partial: 2.0 KiB present, needed by 1 tag in scope in 2 repositories",
        "  partial: 1 manifest at risk, 1 repository not counted",
        "",
        "STORAGE         SIZE  OF",
    ]
    assert read["seen"] is None
    assert read["seen_in_part"]["tags"] == 1
    assert len(read["incomplete"]) == 1
    assert read["stored"]["stored_bytes"] == 4_096


def test_what_is_whole_has_no_part() -> None:
    (whole,) = program([told(STORED)])

    assert (whole["seen_in_part"], whole["incomplete"]) == (None, [])
    assert whole["seen"]["tags"] == 1


def test_many_repositories_are_cut_for_a_person_only() -> None:
    many = StorageUsage(1, 1, 1, 0, 0, 0, 0, 0, tuple((f"r{at}", 1) for at in range(25)))

    assert "and 5 more: --output json has all of them" in terminal.render(blocks([told(many)]))

"""An index's entry is chosen as containerd chooses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform, accepted, choose, eligible, mirrored


def of(text: str | None) -> Platform | None:
    return None if text is None else Platform.parse(text)


def picked(node: str, *offered: str | None) -> str | None:
    position = choose(Platform.parse(node), map(of, offered))
    return None if position is None else offered[position]


# containerd/platforms, compare_test.go (TestOnly); what matches, best first.
RUNS = {
    "linux/amd64": ["linux/amd64", "linux/386"],
    "linux/amd64/v2": ["linux/amd64/v2", "linux/amd64", "linux/386"],
    "linux/amd64/v4": [*(f"linux/amd64/v{n}" for n in (4, 3, 2)), "linux/amd64", "linux/386"],
    "linux/386": ["linux/386"],
    "windows/amd64": ["windows/amd64", "windows/386"],
    "linux/arm": ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"],
    "linux/arm/v8": [f"linux/arm/v{n}" for n in (8, 7, 6, 5)],
    "linux/arm/v6": ["linux/arm/v6", "linux/arm/v5"],
    "linux/arm/v5": ["linux/arm/v5"],
    "linux/arm64": ["linux/arm64", *(f"linux/arm/v{n}" for n in (8, 7, 6, 5))],
    "linux/arm64/v8.2": [
        *("linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64"),
        *(f"linux/arm/v{n}" for n in (8, 7, 6, 5)),
    ],
    "linux/arm64/v9.1": [
        *("linux/arm64/v9.1", "linux/arm64/v9"),
        *(f"linux/arm64/v8.{n}" for n in range(6, 0, -1)),
        "linux/arm64",
        *(f"linux/arm/v{n}" for n in (8, 7, 6, 5)),
    ],
    "linux/riscv64": ["linux/riscv64"],
}


@pytest.mark.parametrize("node", RUNS)
def test_a_node_runs_its_own_platform_and_the_older_ones_of_its_kind(node: str) -> None:
    assert [str(each) for each in accepted(Platform.parse(node))] == [
        str(Platform.parse(text)) for text in RUNS[node]
    ]


def test_v9_reaches_no_further_down_than_v8_9() -> None:
    nodes = [str(each) for each in accepted(Platform("linux", "arm64", "v9.7"))]

    assert "linux/arm64/v8.9" in nodes
    assert "linux/arm64/v8.10" not in nodes


@pytest.mark.parametrize(
    ("stated", "normal"),
    [
        ("linux/x86_64", "linux/amd64"),
        ("Linux/X86-64/V1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v8.0", "linux/arm64"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("linux/arm64/v9.0", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf/v6", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386/v2", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_one_platform_has_one_name(stated: str, normal: str) -> None:
    assert str(Platform.parse(stated)) == normal


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux//v7", "a/b/c/d", "linux/amd 64", "linux/é"]
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="not a platform"):
        Platform.parse(text)


def test_a_name_as_long_as_a_label_is_the_longest() -> None:
    assert Platform.of("linux", "a" * 64)
    with pytest.raises(Malformed, match="not a platform"):
        Platform.of("linux", "a" * 65)


def test_the_best_match_wins_over_the_first() -> None:
    assert picked("linux/amd64/v2", "linux/386", "linux/amd64", "linux/amd64/v2") == (
        "linux/amd64/v2"
    )
    assert picked("linux/arm64", "linux/arm/v6", "linux/arm/v7") == "linux/arm/v7"


def test_of_equal_entries_the_first_wins() -> None:
    node = Platform.parse("linux/amd64")

    assert choose(node, [of("linux/arm64"), node, node]) == 1


def test_a_newer_level_is_not_run() -> None:
    assert picked("linux/amd64", "linux/amd64/v2") is None
    assert picked("linux/arm/v6", "linux/arm/v7") is None
    assert picked("linux/arm64", "linux/arm64/v8.1") is None


def test_another_system_is_not_run() -> None:
    assert picked("linux/amd64", "windows/amd64", "unknown/unknown") is None


def test_an_entry_without_a_platform_is_taken_last() -> None:
    assert choose(Platform.parse("linux/amd64"), [None, of("linux/386")]) == 1
    assert choose(Platform.parse("linux/s390x"), [of("linux/386"), None, None]) == 1


def test_on_windows_any_entry_of_the_platform_may_be_the_one() -> None:
    windows, linux = Platform.parse("windows/amd64"), Platform.parse("linux/amd64")

    assert eligible(windows, [windows, linux, windows]) == (0, 2)
    assert eligible(linux, [linux, windows, linux]) == (0,)
    assert eligible(linux, [windows]) == ()
    assert eligible(windows, [linux]) == ()


def test_a_mirror_holds_what_its_nodes_would_choose_and_what_is_for_all() -> None:
    nodes = [Platform.parse("linux/amd64"), Platform.parse("linux/arm64")]
    offered = ["linux/386", "linux/amd64", "unknown/unknown", None, "linux/s390x", "linux/arm64"]

    assert mirrored(nodes, map(of, offered)) == {1, 2, 3, 5}
    assert mirrored(nodes[:1], map(of, offered[:1])) == {0}
    assert mirrored([], map(of, offered)) == {2, 3}


def test_only_unknown_is_unknown() -> None:
    assert Platform.parse("unknown/unknown").unknown
    assert Platform.parse("linux/unknown").unknown
    assert Platform.parse("unknown/amd64").unknown
    assert not Platform.parse("linux/amd64").unknown


PARTS = st.text("abv0123456789._-", min_size=1, max_size=8)
NAMES = st.one_of(st.sampled_from(["linux", "amd64", "arm", "arm64", "v8", "armhf"]), PARTS)


@given(NAMES, NAMES, NAMES | st.just(""))
def test_normal_forms_are_normal(os: str, architecture: str, variant: str) -> None:
    normal = Platform.of(os, architecture, variant)

    assert Platform.parse(str(normal)) == normal
    assert next(accepted(normal)) == normal
    assert choose(normal, [normal]) == 0

"""What does `preflight` tell a shell, a program and a person?"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter import cli
from exporter.judge.gc.dialect import DISTRIBUTION_2, Mode
from exporter.judge.gc.outcome import Completed
from exporter.judge.gc.simulate import simulate
from exporter.sources.storage.filesystem import read
from tests.judge.gc.collections import plant
from tests.judge.gc.narration import log
from tests.parts import tree
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = two_platforms("app")
CORPUS: Final = Path(__file__).parents[1] / "gc_corpus" / "cases.jsonl.gz"
SWEEP: Final = "--delete-untagged"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def running(*words: object) -> tuple[int, str, str]:
        code = cli.main(["preflight", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return running


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    root = tmp_path / "storage"
    tree.write(root, "app", APP, "v1")
    return root


def by(storage: Path, dialect: str = "2") -> tuple[object, ...]:
    return ("--storage", storage, "--gc", f"distribution-{dialect}", SWEEP)


def test_the_verdict_comes_first_and_in_the_exit_code(storage: Path, run: Any) -> None:
    unsafe, safe = run(*by(storage)), run(*by(storage, "3"))
    incomplete = run(*by(storage, "3"), "--refs", storage / "none.txt")

    assert (unsafe[0], safe[0], incomplete[0]) == (1, 0, 3)
    first = [each[1].partition(":")[0] for each in (unsafe, safe, incomplete)]
    assert first == ["UNSAFE", "SAFE", "INCOMPLETE"]


def test_a_person_reads_who_is_hurt_how_and_what_is_dangerous(storage: Path, run: Any) -> None:
    refs = storage / "refs.txt"
    refs.write_text("r.example/app:v1\nr.example/web:v1\n")

    _, said, _ = run(*by(storage), "--refs", refs)

    assert f"  app:v1 (live), used by {refs}:1\n" in said
    for child in APP.children:
        line = next(line for line in said.splitlines() if child.digest in line)
        assert line.startswith(f"    {child.platform}  ")
        assert "manifest unlinked, config removed, 2 layers removed" in line
    assert "Would remove: 2 manifests, 6 blobs, 2.8 KiB" in said
    assert "  writes-open: " in said
    assert said.endswith("Checked 1 tag in 1 repository, 1 use (1 more reference nothing here)\n")


def test_a_program_reads_the_same(storage: Path, run: Any) -> None:
    code, said, _ = run(*by(storage), "--output", "json")

    answer = json.loads(said)
    assert (code, answer["version"], answer["verdict"]) == (1, 1, "UNSAFE")
    assert answer["would_go"] == {
        "tags": 0,
        "manifests": 2,
        "blobs": 6,
        "layer_links": 0,
        "size": sum(len(blob.body) for child in APP.children for blob in child.blobs),
    }
    assert {each["code"] for each in answer["hazards"]} == {
        *("writes-open", "stale-cache", "young-blobs", "pins-not-considered"),
    }


def test_a_ticket_reads_the_same(storage: Path, run: Any) -> None:
    _, said, _ = run(*by(storage), "--output", "markdown")

    assert said.startswith("**UNSAFE**: garbage-collect --delete-untagged of distribution-2 would")
    for child in APP.children:
        assert f"  - {child.platform}  `{child.digest}`  manifest unlinked, config removed" in said


def test_the_files_that_go_are_listed_whatever_the_verdict(storage: Path, run: Any) -> None:
    code, said, _ = run(*by(storage), "--output", "removed")

    lines = said.splitlines()
    assert code == 1
    assert lines == sorted(lines)
    assert len(lines) == 8
    root = storage / "docker" / "registry" / "v2"
    assert all((root / line).is_file() for line in lines)


@pytest.mark.parametrize("seed", [11, 35, 2, 4, 7, 109])
def test_lists_agree_with_recorded_collections(seed: int, tmp_path: Path, run: Any) -> None:
    with gzip.open(CORPUS, "rt") as lines:
        case = next(case for case in map(json.loads, lines) if case["seed"] == seed)
    plant(tmp_path, case["files"], case["dirs"])

    for version, modes in case["runs"].items():
        for mode, real in modes.items():
            words = ["--storage", tmp_path, "--gc", f"distribution-{version[0]}"]
            words += [SWEEP] if mode == Mode.DELETE_UNTAGGED else []
            _, removed, complaint = run(*words, "--output", "removed")
            if real["exit"] == 0:
                assert removed.splitlines() == sorted(real["removed"])
                assert complaint == ""
            else:
                assert set(real["removed"]) <= set(removed.splitlines())
                assert complaint.startswith("failed to garbage collect: ")


def dry_run(storage: Path) -> str:
    inventory = read(str(storage))
    outcome = simulate(inventory, DISTRIBUTION_2, Mode.DELETE_UNTAGGED)
    assert isinstance(outcome, Completed)
    return "".join(f"{line}\n" for line in log(inventory, outcome))


def test_a_plan_may_come_from_standing_input(
    storage: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = dry_run(storage)
    monkeypatch.setattr("sys.stdin", io.StringIO(printed))

    code, said, _ = run("--storage", storage, "--plan", "-")

    assert (code, said.partition("\n")[0]) == (
        1,
        "UNSAFE: the plan - would break 1 image: 2 manifests, 2.8 KiB removed for good",
    )


def test_a_collection_takes_no_tag_with_it_whatever_points_where_by_now(
    storage: Path, run: Any
) -> None:
    printed = dry_run(storage)
    plan = storage / "plan.txt"
    plan.write_text(printed)
    tree.point(storage, "app", "amd64", APP.children[0].digest)

    _, said, _ = run("--storage", storage, "--plan", plan, "--output", "json")

    answer = json.loads(said)
    assert answer["would_go"]["tags"] == 0
    assert {each["tag"]: each["tag_gone"] for each in answer["victims"]} == {
        "amd64": False,
        "v1": False,
    }


def test_a_list_of_tags_may_be_followed_by_a_collection_but_a_collection_by_none(
    storage: Path, run: Any
) -> None:
    plan = storage / "plan.txt"
    tree.point(storage, "app", "amd64", APP.children[0].digest)
    tree.point(storage, "app", "arm64", APP.children[1].digest)
    plan.write_text("app:arm64\n")
    code, said, _ = run(*by(storage), "--plan", plan)
    assert (code, "1 manifest, " in said) == (1, True)

    for child in ("amd64", "arm64"):
        shutil.rmtree(tree.tag(storage, "app", child))
    printed = dry_run(storage)
    plan.write_text(printed)
    code, _, complaint = run(*by(storage), "--plan", plan)
    assert (code, "give either --plan or --gc" in complaint) == (2, True)


def test_a_plan_of_another_registry_by_name_is_refused(storage: Path, run: Any) -> None:
    plan = storage / "plan.txt"
    plan.write_text("elsewhere.example/app:v1\n")

    code, _, complaint = run("--storage", storage, "--plan", plan, "--registry", "r.example")

    assert code == 2
    assert "names nothing in r.example" in complaint


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "empty"), ("hello\nthere", "none of 2 lines is recognised, for example 'hello'")],
)
def test_a_plan_in_which_nothing_is_understood_is_refused(
    storage: Path, run: Any, text: str, why: str
) -> None:
    plan = storage / "plan.txt"
    plan.write_text(text)

    code, _, complaint = run("--storage", storage, "--plan", plan)

    assert code == 2
    assert f"{plan}: {why}" in complaint


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name the planned operation"),
        (
            ["--gc", "distribution-2", "--storage", "x", "--from", "y"],
            "give either --storage DIR|URL or --from FILE",
        ),
        (["--gc", "distribution-2"], "give either --storage DIR|URL or --from FILE"),
        (["--delete", "app:v1", "--plan", "-", "--storage", "x"], "--plan or --delete"),
        (["--delete", "app:v1", SWEEP, "--storage", "x"], "--delete-untagged needs --gc"),
        (["--plan", "-", "--as", "folder", "--storage", "x"], "--as needs --delete"),
        (["--delete", "app", "--storage", "x"], "app: give repository:tag or repository@sha256:…"),
        (["--delete", "app:v1", "--output", "removed", "--storage", "x"], "needs --storage and"),
        (["--gc", "distribution-2", "--delete", "a:b", "--from", "x"], "needs --storage"),
        (["--gc", "distribution-2", "--storage", "x", "--registry", "a b"], "not a registry host"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(
    run: Any, words: list[str], why: str
) -> None:
    code, said, complaint = run(*words)

    assert (code, said) == (2, "")
    assert why in complaint


def test_a_storage_that_cannot_be_read_is_incomplete_and_one_that_is_not_there_refused(
    tmp_path: Path, run: Any
) -> None:
    code, said, complaint = run("--storage", tmp_path / "none", "--gc", "distribution-2")
    assert (code, said) == (2, "")
    assert complaint.endswith("/none: there is no such folder\n")

    (tmp_path / "empty").mkdir()
    code, said, complaint = run("--storage", tmp_path / "empty", "--gc", "distribution-2")
    assert (code, said) == (3, "")
    assert complaint.startswith("pullproof: INCOMPLETE: ")

    code, said, complaint = run(*by(tmp_path / "empty"), "--output", "removed")
    assert (code, said) == (3, "")
    assert "empty" in complaint


def test_another_registrys_storage_is_not_judged(tmp_path: Path, run: Any) -> None:
    (tmp_path / "app" / "blobs").mkdir(parents=True)
    (tmp_path / "app" / "oci-layout").write_text("{}")
    (tmp_path / "app" / "index.json").write_text('{"manifests": []}')

    code, said, _ = run("--storage", tmp_path, "--gc", "distribution-2")

    assert code == 3
    assert "as zot keeps it" in said


def test_a_configuration_says_what_is_live_and_which_names_matter(storage: Path, run: Any) -> None:
    (storage / "live.txt").write_text("other.example/app:v1\nr.example/app:v1\n")
    config = storage / "pullproof.yml"
    config.write_text(
        "registries:\n"
        "  - url: https://r.example\n"
        "    tags: {latest: ['v*']}\n"
        "references:\n"
        "  - {file: live.txt, class: rollback}\n"
        "  - {images: ['r.example/app:v1'], class: idle}\n"
    )

    _, said, _ = run(*by(storage), "--config", config)

    assert f"app:v1 (idle), used by {storage / 'live.txt'}:2\n" in said
    assert "1 use\n" in said


def test_names_that_are_no_text_are_printed_as_they_are(tmp_path: Path, run: Any) -> None:
    tree.write(tmp_path, "app", image("app"))
    base = tmp_path / "docker" / "registry" / "v2" / "repositories"
    (base / "app").rename(base / os.fsdecode(b"\xff"))

    for output in ("text", "json", "markdown"):
        code, said, _ = run(*by(tmp_path, "3"), "--output", output)
        assert code in (0, 3)
        assert said


EVIL: Final = "\x1b[31mred\x1b]0;x\x07\u202e\r\n"


@pytest.mark.parametrize("output", ["text", "json", "markdown", "removed"])
@pytest.mark.parametrize("where", ["repositories", "_manifests/tags", "_manifests/revisions"])
def test_names_in_a_storage_control_no_terminal(
    tmp_path: Path, run: Any, output: str, where: str
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    base = tmp_path / "docker" / "registry" / "v2" / "repositories"
    folder = base if where == "repositories" else base / "app" / where
    (folder / (EVIL + os.fsdecode(b"\x9b"))).mkdir(parents=True)

    for dialect in ("2", "3"):
        _, said, told = run(*by(tmp_path, dialect), "--output", output)
        assert all(line.isprintable() for line in (said + told).split("\n"))


@pytest.mark.parametrize("output", ["text", "json", "markdown", "removed"])
def test_lines_of_a_plan_control_no_terminal(
    storage: Path, tmp_path: Path, run: Any, output: str
) -> None:
    plan = tmp_path / "plan"
    plan.write_text(f"app:v1\ndelete {EVIL}\nDELETE https://me:secret@r.example/v2/{EVIL}\n")

    _, said, told = run("--storage", storage, "--plan", plan, "--output", output)

    assert all(line.isprintable() for line in (said + told).split("\n"))
    assert "secret" not in said + told

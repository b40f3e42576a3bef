"""Is every reader fuzzed, does what is found stay mended, and does the hunt find what is wrong?"""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import exporter
from tests.fuzz.hunt import grown, judged
from tests.fuzz.mutation import mutated
from tests.fuzz.target import CORPUS, Target
from tests.fuzz.targets import TARGETS

ROOT: Final = Path(exporter.__file__).parent
HERE: Final = ROOT.parent
INPUTS: Final = 100
"""Of each reader, in every run of the tests."""
READERS: Final = frozenset(
    {
        *("json.loads", "base64.b64decode", "yaml.load", "yaml.parse", "zlib.decompressobj"),
        *("msgspec.json", "msgspec.msgpack", "msgspec.convert", "struct.Struct", "re.compile"),
        *(
            "codecs.getincrementaldecoder",
            "urllib.parse.urlsplit",
            "ipaddress.ip_address",
            "struct.unpack",
        ),
    }
)
"""Who calls one of these reads something, or writes it."""
WRITERS: Final = {
    "cli": "two patterns on what argparse says of the words typed",
    "commands.answer": "writes",
    "commands.serve": "an address typed by hand, by one call of the standard library",
    "config.repositories": "one pattern on a host that was checked",
    "config.schema": "writes a schema",
    "facts.digests": "packs",
    "judge.choice": "one pattern on a tag that was checked",
    "publish.answers.capacity": "says what is written",
    "publish.answers.document": "writes",
    "publish.answers.preflight": "says what is written",
    "publish.render.markdown": "writes",
    "publish.answers.report": "says what is written",
    "publish.exports.export": "writes",
    "publish.metrics.exposition": "writes",
    "publish.web.password_queue": "the address of a peer, by the kernel",
    "publish.web.documentation": "our own documents",
    "serve.logs": "writes",
    "sources.cluster.memory": "writes a key",
    "sources.cluster.names": "one pattern of a choice without repetition",
    "sources.cluster.access": "base64 and two fields of what a plugin gave",
    "sources.exports.duck": "quotes paths of our own",
    "sources.stores": "words of a library's error, by one pattern",
}
"""Modules that use these and are no target, and why."""


def test_every_reader_is_a_target() -> None:
    covered = {module for target in TARGETS for module in target.covers}
    reading = {module for module in _modules() if _calls(module) & READERS}

    assert reading - covered - WRITERS.keys() == set()


def test_the_table_names_modules_that_are_there() -> None:
    known = set(_modules())

    assert {module for target in TARGETS for module in target.covers} <= known
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    assert {each.name for each in CORPUS.glob("*")} <= {target.name for target in TARGETS}


def _modules() -> list[str]:
    paths = (each.relative_to(ROOT).with_suffix("") for each in ROOT.rglob("*.py"))
    return [".".join(path.parts) for path in paths]


def _calls(module: str) -> set[str]:
    """Every `module.name` that a module says, and what it imports of a module by name."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    said = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    named = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return said | named


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_what_was_found_stays_mended(target: Target) -> None:
    for data in target.corpus():
        assert not judged(target, data)


def test_a_short_hunt_finds_nothing() -> None:
    told = _run("-m", "tests.fuzz", "--inputs", str(INPUTS), "--keep-going")

    assert told.returncode == 0, told.stdout
    assert told.stdout.count(" ok\n") == len(TARGETS)


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=HERE, check=False, capture_output=True, text=True
    )


BROKEN: Final = """
import sys, time
from tests.fuzz.hunt import apart
from tests.fuzz.target import Target

def raises(data): {}[data]
def bomb(data): return [bytes(1 << 24) for _ in range(1 << 10)]
def dies(data): __import__("os").kill(__import__("os").getpid(), 9)
def declared(data): raise ValueError
runs = {"raises": raises, "bomb": bomb, "dies": dies, "declared": declared}
target = Target(sys.argv[1], runs[sys.argv[1]], (b"seed",), (), (ValueError,))
count, found = apart(target, 0, lambda count: count < 10, 64 << 20)
print(found.told if found else "nothing", found.data if found else "")
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("raises", "KeyError"),
        ("bomb", "MemoryError"),
        ("dies", "SIGKILL"),
        ("declared", "nothing"),
    ],
)
def test_a_hunt_stops_at_what_is_wrong_and_has_its_input(what: str, told: str) -> None:
    found = _run("-c", BROKEN, what).stdout

    assert told in found
    assert (what == "declared") != ("b'seed'" in found)


def test_a_time_that_grows_with_the_square_is_found() -> None:
    def square(data: bytes) -> None:
        sum(1 for _ in range(len(data) ** 2 // 4))

    def line(data: bytes) -> None:
        sum(1 for _ in range(len(data) * 100))

    assert grown(Target("square", square, (), ()), bytes)
    assert not grown(Target("line", line, (), ()), bytes)


def test_an_input_that_was_found_is_run_again_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff not a digest")

    told = _run("-m", "tests.fuzz", "--target", "digest", "--repeat", str(tmp_path / "odd"))

    assert (told.returncode, told.stdout) == (0, "ok\n")


def test_a_seed_gives_the_same_inputs_each_time() -> None:
    def some(seed: int) -> list[bytes]:
        chance = random.Random(seed)  # noqa: S311
        return [mutated(b'{"a": 1}', [b"x"], chance) for _ in range(50)]

    assert some(1) == some(1) != some(2)

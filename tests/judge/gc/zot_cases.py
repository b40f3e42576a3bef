"""Repositories as zot keeps them, grown from seeds, and what its collector did to them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.parts.zot import VERSION
from tests.worlds import Made, build_cache, image, index, referrer, signature, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME: Final = "org.opencontainers.image.ref.name"
RECORDED: Final = Path(__file__).parents[2] / f"gc_corpus/zot-{VERSION}.jsonl.gz"
REPOSITORY: Final = "app"
YOUNG, OLD, DELAY = 0, 7200, 3600
"""Seconds since a file was written, and how many zot waits."""

Left = tuple[list[str], list[tuple[str, str]]]
"""The files below `blobs`, and the entries: digest and tag."""
Tree = dict[str, tuple[bytes, int]]
"""Files of a repository by path below it: the content, and how old they are."""


@dataclass(frozen=True)
class Case:
    """A repository before a collection, and what was left of it, by the setting deleteUntagged."""

    seed: int
    tree: Tree
    left: dict[str, Left]


def tree(seed: int) -> Tree:
    """Grow a repository: shapes that people have, and damage."""
    chance = random.Random(seed)  # noqa: S311 - keeps no secret
    found: Tree = {"oci-layout": (b'{"imageLayoutVersion":"1.0.0"}', OLD)}
    entries: list[dict[str, object]] = []
    for number in range(chance.randint(1, 5)):
        made = _made(chance, f"{seed}-{number}")
        age = chance.choice((OLD, OLD, OLD, YOUNG))
        for each in made.walk():
            for path, content in (_file(each.digest, each.body), *_blobs(each)):
                found[path] = (content, age)
            listed = each is made or chance.random() < 0.7
            if listed:
                tag = {NAME: f"v{number}"} if each is made and chance.random() < 0.7 else None
                child = {NAME: f"c{number}"} if each is not made and chance.random() < 0.2 else None
                entries.append(_entry(each, tag or child))
    for number in range(chance.randint(0, 3)):
        orphan = f"{seed} orphan {number}".encode()
        path = _file(image(orphan.decode()).layers[0].digest, orphan)[0]
        found[path] = (orphan, chance.choice((OLD, YOUNG)))
    _damage(chance, found)
    document = {"schemaVersion": 2, "manifests": entries}
    found["index.json"] = (json.dumps(document).encode(), OLD)
    return found


def plant(root: Path, files: Tree, now: float) -> None:
    """Write a repository below a root directory."""
    for name, (content, age) in files.items():
        path = root / REPOSITORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (now - age, now - age))


def left(home: Path) -> Left:
    """Return what a repository has: the files below `blobs`, and its entries."""
    if not (home / "index.json").exists():
        return [], []
    files = sorted(str(each.relative_to(home)) for each in (home / "blobs").rglob("*/*"))
    entries = json.loads((home / "index.json").read_text())["manifests"] or []
    named = [(each["digest"], (each.get("annotations") or {}).get(NAME, "")) for each in entries]
    return files, sorted(set(named))


def read() -> list[Case]:
    """Read the recorded cases, whose repositories are grown again."""
    with gzip.open(RECORDED, "rt") as lines:
        return [_case(json.loads(line)) for line in lines]


def write(cases: Iterable[Case]) -> None:
    """Write cases: of each what a collection removed."""
    lines = []
    for each in cases:
        before = listed(each.tree)
        gone = {
            mode: [
                [it for it in one if it not in other]
                for one, other in zip(before, left, strict=True)
            ]
            for mode, left in each.left.items()
        }
        lines.append(json.dumps({"seed": each.seed, "grown": _hash(each.tree), "removed": gone}))
    RECORDED.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))


def listed(files: Tree) -> Left:
    """Return the files below `blobs` of a tree, and the entries of its `index.json`."""
    entries = json.loads(files["index.json"][0])["manifests"]
    named = [(each["digest"], (each.get("annotations") or {}).get(NAME, "")) for each in entries]
    return sorted(path for path in files if path.startswith("blobs/")), sorted(set(named))


def _case(told: dict[str, Any]) -> Case:
    grown = tree(told["seed"])
    assert _hash(grown) == told["grown"], "it grows otherwise than when it was recorded"
    paths, named = listed(grown)
    left = {}
    for mode, (files, entries) in told["removed"].items():
        lost = {tuple(each) for each in entries}
        left[mode] = (
            [each for each in paths if each not in files],
            [each for each in named if each not in lost],
        )
    return Case(told["seed"], grown, left)


def _hash(files: Tree) -> str:
    seen = hashlib.sha256()
    for path, (content, age) in sorted(files.items()):
        seen.update(f"{path} {age} {len(content)} ".encode() + content)
    return seen.hexdigest()


def _made(chance: random.Random, seed: str) -> Made:
    subject = image(f"{seed} subject")
    return chance.choice(
        (
            lambda: image(seed),
            lambda: image(seed, docker=True),
            lambda: two_platforms(seed),
            lambda: two_platforms(seed, docker=True),
            lambda: index(two_platforms(f"{seed} inner"), image(f"{seed} beside")),
            index,
            lambda: referrer(subject, seed),
            lambda: signature(subject),
            lambda: index(image(seed), subject=subject),
            lambda: build_cache(seed),
        )
    )()


def _damage(chance: random.Random, files: Tree) -> None:
    """Lose files, and now and then cut one."""
    blobs = [path for path in files if path.startswith("blobs/")]
    for path in chance.sample(blobs, chance.choice((0, 0, 1, 2, min(5, len(blobs))))):
        content, age = files.pop(path)
        if content.startswith(b"{") and chance.random() < 0.2:
            files[path] = (content[: len(content) // 2], age)


def _entry(made: Made, annotations: dict[str, str] | None) -> dict[str, object]:
    plain = {"mediaType": made.media_type, "digest": str(made.digest), "size": len(made.body)}
    return plain | ({"annotations": annotations} if annotations else {})


def _file(digest: object, content: bytes) -> tuple[str, bytes]:
    return f"blobs/{str(digest).replace(':', '/', 1)}", content


def _blobs(made: Made) -> list[tuple[str, bytes]]:
    return [_file(each.digest, each.body) for each in made.blobs]

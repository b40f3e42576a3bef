"""Links that were read before are read again once anything about their files has changed."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.sources.storage import filesystem, links
from exporter.sources.storage.folder import content
from exporter.sources.storage.known_links import KnownLinks
from exporter.wiring import registry_storage
from exporter.wiring.registry_storage import RegistryStorage
from tests.judge.gc.collections import plant
from tests.judge.gc.trees import tree as grown
from tests.parts import tree
from tests.sources.storage.folders import REPOSITORY, v2
from tests.sources.storage.test_recall import facts
from tests.worlds import image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.facts.inventory import Inventory

_HOUR: Final = 3600.0
_TICK: Final = 0.02
"""Seconds in which the system's clock of files has moved on."""
_OTHER: Final = f"sha256:{'0' * 64}"


@contextmanager
def opened_links(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The links whose files are opened meanwhile."""
    names: list[str] = []

    def noted(name: str, parent: int, limit: int) -> bytes | None:
        names.append(name)
        return content(name, parent, limit)

    with patch.context() as patched:
        patched.setattr(links, "content", noted)
        yield names


def youngest(root: Path) -> float:
    """When the last of its files changed, in seconds since the epoch."""
    return max(each.lstat().st_ctime for each in root.rglob("*"))


def read(root: Path, known: KnownLinks, age: float = _HOUR) -> Inventory:
    """Read a storage whose youngest file has this age."""
    with known.reading(youngest(root) + age):
        return filesystem.read(str(root), known=known)


def test_links_that_did_not_change_are_not_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownLinks()
    cold = read(root, known)

    with opened_links(monkeypatch) as opened:
        warm = read(root, known)

    assert [each for each in opened if each != "link"] == [], "only the tag's is"
    assert facts(warm) == facts(cold)


def test_of_a_new_image_only_the_new_links_are_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, new = KnownLinks(), image("new")
    read(root, known)
    tree.write(root, REPOSITORY, new, "v2")

    with opened_links(monkeypatch) as opened:
        found = read(root, known)

    expected = {f"{each.encoded}/link" for each in (new.digest, *(b.digest for b in new.blobs))}
    assert {each for each in opened if each != "link"} == expected
    assert facts(found) == facts(filesystem.read(str(root)))


@pytest.mark.parametrize("age", [-_HOUR, 0.0, 300.0])
def test_a_link_that_may_have_been_written_just_now_is_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    known = KnownLinks()
    every = len([*v2(root).rglob("_layers/*/*/link"), *v2(root).rglob("revisions/*/*/link")])
    for _ in range(2):
        with opened_links(monkeypatch) as opened:
            read(root, known, age)

        assert len([each for each in opened if each != "link"]) == every


def test_a_reading_that_broke_off_forgets_only_what_it_did_not_reach(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownLinks()
    read(root, known)
    with pytest.raises(OSError, match="gone"), known.reading(youngest(root) + _HOUR):
        raise OSError("gone")

    with opened_links(monkeypatch) as opened:
        again = read(root, known)

    assert len(opened) > 1
    assert facts(again) == facts(filesystem.read(str(root)))


def test_a_registrys_storage_remembers_them_between_audits(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = RegistryStorage(str(root))
    later = youngest(root) + _HOUR
    monkeypatch.setattr(registry_storage.time, "time", lambda: later)
    cold = storage.read()

    with opened_links(monkeypatch) as opened:
        warm = storage.read()

    assert [each for each in opened if each != "link"] == []
    assert facts(warm) == facts(cold)


def _write(text: str) -> Callable[[Path], None]:
    def write(link: Path) -> None:
        before = link.stat()
        link.write_text(text)
        os.utime(link, ns=(before.st_atime_ns, before.st_mtime_ns))

    return write


def _replace(link: Path) -> None:
    other = link.with_name("other")
    other.write_text(_OTHER)
    shutil.copystat(link, other)
    other.rename(link)


def _point_elsewhere(link: Path) -> None:
    link.unlink()
    link.symlink_to("/etc/hostname")


def _pipe(link: Path) -> None:
    link.unlink()
    os.mkfifo(link)


def _folder(link: Path) -> None:
    link.unlink()
    link.mkdir()


def _copy_beside(link: Path) -> None:
    shutil.copytree(link.parent, link.parent.with_name("f" * 64), dirs_exist_ok=True)


def _swap(link: Path) -> None:
    """The folders of two links change their names, and no file changes."""
    others = sorted(each for each in link.parent.parent.iterdir() if each != link.parent)
    if others:
        aside = link.parent.with_name("aside")
        link.parent.rename(aside)
        others[0].rename(link.parent)
        aside.rename(others[0])


_CHANGES: Final[dict[str, Callable[[Path], object]]] = {
    "another digest, as long, with the old time": _write(_OTHER),
    "emptied": _write(""),
    "no digest": _write("sha256:short"),
    "longer": _write(f"{_OTHER}\n"),
    "another file, with the old time": _replace,
    "deleted": Path.unlink,
    "its folder deleted": lambda link: shutil.rmtree(link.parent),
    "its repository deleted": lambda link: shutil.rmtree(link.parents[2]),
    "a symbolic link": _point_elsewhere,
    "a pipe": _pipe,
    "a folder": _folder,
    "its folder copied": _copy_beside,
    "two folders swapped": _swap,
    "nothing": lambda _: None,
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32), data=st.data())
def test_what_is_known_of_links_changes_no_fact(seed: int, data: st.DataObject) -> None:
    made, known = grown(seed), KnownLinks()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        plant(root, made.files, made.folders)
        for _ in range(2):
            assert facts(read(root, known)) == facts(filesystem.read(str(root)))
            found = sorted(each for each in root.rglob("link") if each.is_file())
            time.sleep(_TICK)  # a change has a time of its own, as after ten minutes
            for each in data.draw(st.lists(st.sampled_from(found), max_size=3)) if found else ():
                change = data.draw(st.sampled_from(sorted(_CHANGES)))
                if each.is_file():
                    _CHANGES[change](each)

        assert facts(read(root, known)) == facts(filesystem.read(str(root)))


@pytest.mark.parametrize("change", _CHANGES)
def test_every_change_of_a_link_is_seen(root: Path, change: str) -> None:
    known = KnownLinks()
    before = read(root, known)
    time.sleep(_TICK)  # a change has a time of its own, as after ten minutes
    _CHANGES[change](min(v2(root).rglob("_layers/*/*/link")))

    found = read(root, known)

    assert facts(found) == facts(filesystem.read(str(root)))
    assert (facts(found) == facts(before)) == (change == "nothing")

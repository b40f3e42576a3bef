"""What storages may a collector meet? Trees made from a seed: ordinary ones, and damaged ones."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from typing import Final

_NAMES: Final = (
    "a",
    "a-b",
    "a.b",
    "a/1x",
    "a/b",
    "a0",
    "b",
    "b/c/d",
    "team/app",
    "team/app/x",
    "z",
)
_TAGS: Final = ("latest", "v1", "v1.0", "v1-rc", "0_x", "sha256-feed.sig")
_OCI: Final = "application/vnd.oci.image."
_DOCKER: Final = "application/vnd.docker.distribution.manifest."
_IMAGES: Final = (f"{_OCI}manifest.v1+json", f"{_DOCKER}v2+json", None)
_INDEXES: Final = (f"{_OCI}index.v1+json", f"{_DOCKER}list.v2+json", None)
_LAYER: Final = f"{_OCI}layer.v1.tar+gzip"

Json = dict[str, object]


@dataclass
class Tree:
    """A storage below `docker/registry/v2`."""

    files: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def blob(self, text: str) -> str:
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        self.files[_data(digest)] = text
        return digest

    def link(self, folder: str, digest: str, target: str | None = None) -> None:
        self.files[f"{folder}/{digest.replace(':', '/')}/link"] = target or digest

    def drop(self, beginning: str) -> None:
        """Remove everything below a folder, and the folder."""
        self.files = {p: text for p, text in self.files.items() if not p.startswith(beginning)}


def tree(seed: int) -> Tree:
    """Return the storage of a seed; odd seeds hold rare things and damage."""
    chance = random.Random(seed)  # noqa: S311 - a tree, not a secret
    grown = _Grower(chance, Tree(), rare=bool(seed % 2))
    grown.grow()
    return grown.tree


def _data(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded[:2]}/{encoded}/data"


@dataclass
class _Grower:
    chance: random.Random
    tree: Tree
    rare: bool
    manifests: list[str] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    """What each manifest refers to, below itself."""

    def grow(self) -> None:
        self.tree.folders.add("blobs")
        self.tree.folders.add("repositories")
        layers = [self.tree.blob(f"layer {at}") for at in range(self.chance.randint(3, 9))]
        for _ in range(self.chance.randint(1, 7)):
            self._image(layers)
        for _ in range(self.chance.randint(0, 4)):
            self._index()
        for at in range(self.chance.randint(0, 3)):
            self.tree.blob(f"orphan {at}")
        for name in self.chance.sample(_NAMES, self.chance.randint(1, 4)):
            self._repository(name)
        self._lose()
        if self.rare:
            for _ in range(self.chance.randint(1, 3)):
                self.chance.choice(_DAMAGES)(self)

    def may(self, share: float) -> bool:
        return self.chance.random() < share

    def _image(self, layers: list[str]) -> None:
        config = self.tree.blob(json.dumps({"n": len(self.manifests)}))
        used = self.chance.sample(layers, self.chance.randint(0, min(4, len(layers))))
        if self.rare and used and self.may(0.15):
            used[0] = _in_sha512(self.tree.files[_data(used[0])])
        document: Json = {
            "schemaVersion": 2,
            "config": _descriptor(config, f"{_OCI}config.v1+json"),
            "layers": [_descriptor(layer, _LAYER) for layer in used],
        }
        if self.manifests and self.may(0.1):
            document["subject"] = _descriptor(self.chance.choice(self.manifests), _IMAGES[0])
        self._keep(document, self.chance.choice(_IMAGES), [config, *used])

    def _index(self) -> None:
        count = self.chance.randint(0, min(3, len(self.manifests)))
        children = self.chance.sample(self.manifests, count)
        entries = [
            {
                **_descriptor(child, _IMAGES[0]),
                "platform": {"os": "linux", "architecture": f"a{at}"},
            }
            for at, child in enumerate(children)
        ]
        document: Json = {"schemaVersion": 2, "n": len(self.manifests), "manifests": entries}
        self._keep(document, self.chance.choice(_INDEXES), children)

    def _keep(self, document: Json, media_type: str | None, parts: list[str]) -> str:
        if media_type:
            document["mediaType"] = media_type
        digest = self.tree.blob(json.dumps(document))
        self.manifests.append(digest)
        self.parts[digest] = parts
        return digest

    def _repository(self, name: str) -> None:
        folder = f"repositories/{name}"
        held = self.chance.sample(self.manifests, self.chance.randint(0, len(self.manifests)))
        if self.may(0.8):
            held = [*held, *(p for m in held for p in self.parts[m] if p in self.parts)]
        for manifest in held:
            self.tree.link(f"{folder}/_manifests/revisions", manifest)
            for part in self.parts[manifest]:
                if part not in self.parts and self.may(0.95):
                    self._layer(folder, part)
        if self.may(0.15):
            self._layer(folder, self.tree.blob(f"pushed to {name} and never used"))
        for tag in self.chance.sample(_TAGS, self.chance.randint(0, 4)) if held else ():
            self._tag(folder, tag, held)
        self._empty_folders(folder)
        if self.may(0.2):
            self.tree.files[f"{folder}/_uploads/0b7e/data"] = "half"
            self.tree.files[f"{folder}/_uploads/0b7e/startedat"] = "2026-01-02T03:04:05Z"

    def _layer(self, folder: str, digest: str) -> None:
        if digest.startswith("sha256"):
            self.tree.link(f"{folder}/_layers", digest)
            return
        for text in self.tree.files.values():  # what a registry does with sha512: an alias
            if _in_sha512(text) == digest:
                stored = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
                self.tree.link(f"{folder}/_layers", stored)
                self.tree.link(f"{folder}/_layers", digest, stored)
                return

    def _tag(self, folder: str, tag: str, held: list[str]) -> None:
        path = f"{folder}/_manifests/tags/{tag}"
        for manifest in self.chance.sample(held, self.chance.randint(1, min(3, len(held)))):
            self.tree.link(f"{path}/index", manifest)
            self.tree.files[f"{path}/current/link"] = manifest
        if self.may(0.08):
            del self.tree.files[f"{path}/current/link"]

    def _empty_folders(self, folder: str) -> None:
        if self.may(0.85):
            self.tree.folders.add(f"{folder}/_layers")
        if self.may(0.9):
            self.tree.folders.add(f"{folder}/_manifests/revisions")
            self.tree.folders.add(f"{folder}/_manifests/tags")

    def _lose(self) -> None:
        """Lose a file here and there, as people and earlier collections do."""
        for path in [p for p in self.tree.files if self.may(0.02)]:
            self.tree.folders.add(path.rpartition("/")[0])
            del self.tree.files[path]

    def pick(self, *words: str) -> str | None:
        """A file whose path holds all the words."""
        paths = [p for p in sorted(self.tree.files) if all(word in p for word in words)]
        return self.chance.choice(paths) if paths else None


def _in_sha512(text: str) -> str:
    return "sha512:" + hashlib.sha512(text.encode()).hexdigest()


def _descriptor(digest: str, media_type: str | None) -> Json:
    return {"mediaType": media_type, "digest": digest, "size": 7}


def _spoil_link(grower: _Grower) -> None:
    place = grower.chance.choice(("/revisions/", "/current/", "/_layers/"))
    if path := grower.pick(place, "link"):
        text = grower.tree.files[path]
        spoilt = ("", "garbage", text[:-1], text + "\n", text.upper(), "md5:" + "0" * 32)
        grower.tree.files[path] = grower.chance.choice((*spoilt, "sha256:" + "g" * 64))


def _cross_link(grower: _Grower) -> None:
    """Let a link name another digest than its path."""
    place = grower.chance.choice(("/revisions/", "/_layers/"))
    if (path := grower.pick(place, "link")) and grower.manifests:
        others = [*grower.manifests, *(p for parts in grower.parts.values() for p in parts)]
        grower.tree.files[path] = grower.chance.choice(others)


def _link_manifest_as_layer(grower: _Grower) -> None:
    """Move a manifest's link to where registry 2.1.0 put it."""
    if path := grower.pick("/revisions/", "link"):
        name, _, rest = path.partition("/_manifests/revisions/")
        grower.tree.files[f"{name}/_layers/{rest}"] = grower.tree.files[path]


def _spoil_manifest(grower: _Grower) -> None:
    manifest = grower.chance.choice(grower.manifests)
    text = grower.tree.files.get(_data(manifest), "")
    if not text.endswith("}"):
        return
    document = json.loads(text)
    spoilt: dict[str, object] = {
        "mediaType": "weird/type",
        "schemaVersion": grower.chance.choice((1, 3, None)),
        "layers": grower.chance.choice((None, [], [{}], [{"digest": "no digest"}])),
        "manifests": grower.chance.choice((None, [], [{"digest": ""}])),
        "config": None,
        "annotations": grower.chance.choice(({"a": "b"}, [7])),
        "subject": {"digest": 7},
    }
    key = grower.chance.choice(sorted(spoilt))
    changed = {**document, key: spoilt[key]}
    texts = (text[: len(text) // 2], "", json.dumps(changed), text[:-1] + "}   ")
    loud = text.replace('"layers"', '"LAYERS"').replace('"digest"', '"Digest"')
    twice = text[:-1] + ', "mediaType": null, "config": {"size": 9}}'
    grower.tree.files[_data(manifest)] = grower.chance.choice((*texts, loud, twice))


def _add_misfit(grower: _Grower) -> None:
    """Tag a manifest one value of which may not have the type that some collector expects."""
    described = {**_descriptor(grower.chance.choice(grower.manifests), None), "size": 7}
    document: Json = {
        "schemaVersion": grower.chance.choice((1, 2, 2)),
        "mediaType": grower.chance.choice((*_IMAGES, *_INDEXES)),
        "config": described,
        "layers": [described],
        "manifests": [described],
    }
    value = grower.chance.choice(
        (None, 7, -(1 << 63), 1 << 63, 7.5, "e30=", "%", [], [7], {}, True)
    )
    if grower.may(0.5):
        described[grower.chance.choice(_DESCRIBING)] = value
    else:
        document[grower.chance.choice(_STATING)] = value
    name = grower.chance.choice(_NAMES)
    digest = grower.tree.blob(grower.chance.choice(("", "", " ")) + json.dumps(document))
    grower.tree.link(f"repositories/{name}/_manifests/revisions", digest)
    grower.tree.files[f"repositories/{name}/_manifests/tags/odd/current/link"] = digest
    grower.tree.folders.add(f"repositories/{name}/_layers")


_DESCRIBING: Final = (
    *("mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"),
)
_STATING: Final = (
    *("schemaVersion", "mediaType", "config", "layers", "manifests", "annotations", "subject"),
    *("fsLayers", "history", "name", "tag", "architecture", "signatures"),
)


def _shout_link(grower: _Grower) -> None:
    """Let a link say what its path does, both in upper case."""
    place = grower.chance.choice(("/revisions/", "/_layers/"))
    if path := grower.pick(place, "link"):
        folder, _, encoded = path.removesuffix("/link").rpartition("/")
        grower.tree.files[f"{folder}/{encoded.upper()}/link"] = f"sha256:{encoded.upper()}"


def _add_schema1(grower: _Grower) -> None:
    layers = [part for parts in grower.parts.values() for part in parts][:2]
    document: Json = {
        "schemaVersion": 1,
        "name": "a",
        "tag": "v1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer} for layer in layers],
        "history": [{"v1Compatibility": "{}"} for _ in layers],
    }
    digest = grower.tree.blob(json.dumps(document, indent=3))
    if path := grower.pick("/revisions/", "link"):
        folder = path.partition("/revisions/")[0]
        grower.tree.link(f"{folder}/revisions", digest)
        if grower.may(0.5):
            grower.tree.files[f"{folder}/tags/old/current/link"] = digest


def _misname(grower: _Grower) -> None:
    name = grower.chance.choice(("Upper/x", "UPPER", "a_-b", "x__y", "host:5000/x", "-a"))
    for kind in ("_layers", "_manifests/revisions"):
        grower.tree.folders.add(f"repositories/{name}/{kind}")


def _misplace_blob(grower: _Grower) -> None:
    encoded = hashlib.sha256(b"misplaced").hexdigest()
    places = (f"sha256/zz/{encoded}", f"md5/{encoded[:2]}/{encoded}", f"sha256/ab/ab{'0' * 61}")
    grower.tree.files[f"blobs/{grower.chance.choice(places)}/data"] = "misplaced"


def _remove_folder(grower: _Grower) -> None:
    gone = grower.chance.choice(("blobs", "repositories"))
    if grower.may(0.3):
        grower.tree.drop(f"{gone}/")
        grower.tree.folders = {f for f in grower.tree.folders if not f.startswith(gone)}


def _leave_scraps(grower: _Grower) -> None:
    """Leave what an atomic write leaves when it is cut off."""
    if path := grower.pick("/_layers/", "link"):
        grower.tree.files[f"{path}.0b7e.tmp"] = "scrap"


_DAMAGES: Final = (
    *(_spoil_link, _cross_link, _link_manifest_as_layer, _spoil_manifest, _spoil_manifest),
    *(
        _add_misfit,
        _add_misfit,
        _shout_link,
        _add_schema1,
        _misname,
        _misplace_blob,
        _remove_folder,
        _leave_scraps,
    ),
)

"""A hostile registry: one small server, one mode for each attack, and victims that are measured.

A mode is a function from a request's method and target to the raw bytes of the answer, its head
included, in pieces; it may never end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice, repeat
from pathlib import Path
from typing import Final

from tests.parts.process import PATIENCE, running

Mode = Callable[[str, str], Iterator[bytes]]

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_TREE: Final = Path(__file__).parents[2]
_MOST: Final = 4 * 2**30
"""Bytes of address space at which a victim is stopped: the machine is not to suffer with it."""


@contextmanager
def attacking(folder: Path, mode: str, *numbers: int) -> Iterator[str]:
    """Serve a mode of this module on the loopback, from another process; yield `host:port`."""
    code = "import sys; from tests.parts.hostile import main; main(*sys.argv[1:])"
    words = [sys.executable, "-c", code, mode, *map(str, numbers)]
    environment = {"PYTHONPATH": str(_TREE)}
    with running(words, r"listens on (\S+)", folder / f"{mode}.log", environment) as server:
        yield server.address


def main(mode: str, *numbers: str) -> None:
    """Serve a mode until killed."""
    with _Server(globals()[mode](*map(int, numbers))) as server:
        _HOST[0] = f"127.0.0.1:{server.server_address[1]}"
        print("listens on", _HOST[0], flush=True)  # noqa: T201 - whoever started it waits for this
        server.serve_forever()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, mode: Mode) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = mode

    def handle_error(self, *_: object) -> None:
        """Say nothing: a victim that hangs up is right."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer every request of a connection until the victim hangs up."""
        with suppress(ConnectionError, TimeoutError):
            while line := self.rfile.readline(65536):
                method, target, _ = line.decode("latin-1").split(" ", 2)
                while self.rfile.readline(65536) not in (b"\r\n", b""):
                    pass
                for piece in self.server.mode(method, target):
                    self.wfile.write(piece)


def head(status: int = 200, length: int | None = None, **more: str) -> bytes:
    """The head of an answer; without a length it is chunked. Underscores stand for dashes."""
    sized = {"Content-Length": str(length)} if length is not None else {}
    framed = sized or {"Transfer-Encoding": "chunked"}
    headers = {"Content-Type": "application/json", **framed}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join((f"HTTP/1.1 {status} Said", *lines, "", "")).encode()


def whole(body: bytes, method: str = "GET", status: int = 200, **more: str) -> Iterator[bytes]:
    """An answer with a stated length."""
    yield head(status, len(body), **more)
    if method != "HEAD":
        for at in range(0, len(body), 1 << 16):
            yield body[at : at + (1 << 16)]


def chunked(pieces: Iterator[bytes], **more: str) -> Iterator[bytes]:
    """An answer of pieces, however many."""
    yield head(**more)
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def denied(method: str, code: str = "MANIFEST_UNKNOWN") -> Iterator[bytes]:
    """A registry's own 404."""
    return whole(json.dumps({"errors": [{"code": code}]}).encode(), method, 404)


def listing(key: str, names: Iterator[str] | list[str]) -> bytes:
    """A list as distribution sends it."""
    return json.dumps({key: list(names)}).encode()


def content(method: str, body: bytes, kind: str) -> Iterator[bytes]:
    """A manifest under its own digest."""
    return whole(body, method, Content_Type=kind, Docker_Content_Digest=digest(body))


def digest(body: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def made_up(number: int) -> str:
    """A digest that nothing has."""
    return digest(b"%d" % number)


def registry(
    catalogue: Callable[[], Iterator[bytes]],
    tags: Callable[[str], Iterator[bytes]] = lambda _: whole(listing("tags", [])),
    manifest: Callable[[str, str], Iterator[bytes]] = lambda method, _: denied(method),
) -> Mode:
    """A registry that answers so for its catalogue, a repository's tags, and a manifest."""

    def answer(method: str, target: str) -> Iterator[bytes]:
        path = target.partition("?")[0]
        if path == "/v2/":
            return whole(b"{}", method)
        if path == "/v2/_catalog":
            return catalogue()
        if named := re.fullmatch(r"/v2/(.+)/tags/list", path):
            return tags(target)
        if named := re.fullmatch(r"/v2/.+/manifests/(.+)", path):
            return manifest(method, named[1])
        return denied(method, "BLOB_UNKNOWN")

    return answer


def repositories(number: int) -> Callable[[], Iterator[bytes]]:
    """A catalogue of so many repositories, on one page."""
    body = listing("repositories", [f"r{each}" for each in range(number)])
    return lambda: whole(body)


_ONWARD: Final = '<?n=1000&last={}>; rel="next"'
_NUMBERS: Final = count()


def one_long_name(size: int) -> Mode:
    """A catalogue with a Link and a single name of which every second character is a dash."""
    body = listing("repositories", ["a-" * (size // 2)])
    return registry(lambda: whole(body, Link=_ONWARD.format("a")))


def long_strings_for_ever() -> Mode:
    """Pages without end, each of one string of many megabytes; the tags' too."""

    def page(key: str) -> Iterator[bytes]:
        body = listing(key, [f"{next(_NUMBERS)}" + "x" * (8 << 20)])
        return whole(body, Link=_ONWARD.format(next(_NUMBERS)))

    return registry(lambda: page("repositories"), lambda _: page("tags"))


def one_long_string_each(number: int, size: int = 31 << 20) -> Mode:
    """Repositories of which each tag list is one string."""
    body = listing("tags", ["x" * size])
    return registry(repositories(number), lambda _: whole(body))


def brackets(number: int) -> Mode:
    """A Link header that a careless pattern reads in the square of its length."""
    body = listing("tags", ["v1"])
    return registry(repositories(number), lambda _: whole(body, Link="<" * 8190))


def healthy(number: int) -> Mode:
    """A small registry of which all is well, and nothing is hostile."""
    config, layer = b"{}", b"layer"
    blobs = {digest(each): each for each in (config, layer)}

    def entry(kind: str, body: bytes) -> dict[str, object]:
        return {"mediaType": kind, "digest": digest(body), "size": len(body)}

    layers = [entry("application/vnd.oci.image.layer.v1.tar", layer)]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry(CONFIG, config)}
    image = json.dumps({**document, "layers": layers}).encode()
    names = listing("tags", [f"v{each}" for each in range(number)])
    listed = registry(
        repositories(1), lambda _: whole(names), lambda method, _: content(method, image, MANIFEST)
    )

    def answer(method: str, target: str) -> Iterator[bytes]:
        body = blobs.get(target.rpartition("/blobs/")[2])
        return listed(method, target) if body is None else whole(body, method)

    return answer


def many_broken(number: int) -> Mode:
    """One repository with very many tags, none of which can be resolved."""
    body = listing("tags", [f"v{each}" for each in range(number)])
    return registry(repositories(1), lambda _: whole(body))


def many_tags(number: int) -> Mode:
    """One repository with very many tags in one answer; they all name the same image."""
    image = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}).encode()
    body = listing("tags", [f"v{each}" for each in range(number)])
    return registry(
        repositories(1), lambda _: whole(body), lambda method, _: content(method, image, MANIFEST)
    )


def bad_tags(number: int, each: int) -> Mode:
    """Repositories with very many entries that are no tags."""
    body = listing("tags", [f"?{at}" for at in range(each)])
    return registry(repositories(number), lambda _: whole(body))


def names_of_cuts(number: int, pages: int) -> Mode:
    """Valid names of 255 characters with a dash at every second, over some pages."""
    tail, numbers = "-a" * 120, count()

    def page() -> Iterator[bytes]:
        first = next(numbers) * number
        if first >= number * pages:
            return whole(listing("repositories", []))
        names = [f"a{first + each}{tail}" for each in range(number)]
        return whole(listing("repositories", names), Link=_ONWARD.format(first))

    return registry(page)


def manifests(number: int, kind: str, body: Callable[[int], bytes]) -> Mode:
    """So many tags, each with a manifest of its own, which is made when it is asked for."""
    names = listing("tags", [f"v{each}" for each in range(number)])
    known: dict[str, int] = {}

    def manifest(method: str, reference: str) -> Iterator[bytes]:
        tag = int(reference[1:]) if reference.startswith("v") else known.get(reference)
        if tag is None:
            return denied(method)
        made = body(tag)
        known[digest(made)] = tag
        return content(method, made, kind)

    return registry(repositories(1), lambda _: whole(names), manifest)


def image(**more: object) -> bytes:
    """An image without layers, whose configuration is not there."""
    config = {"mediaType": CONFIG, "digest": made_up(0), "size": 2}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    return json.dumps(document | more).encode()


def wide_indexes(number: int, children: int) -> Mode:
    """Tags that each name another index with very many children that are not there."""

    def index(tag: int) -> bytes:
        first = tag * children
        entries = [
            {"mediaType": MANIFEST, "digest": made_up(first + each), "size": 500}
            for each in range(children)
        ]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        return json.dumps(document, separators=(",", ":")).encode()

    return manifests(number, INDEX, index)


def heavy_manifests(number: int, size: int = 3_900_000) -> Mode:
    """Tags that each name another manifest of nearly the size that is read at most."""
    note = "x" * size
    return manifests(number, MANIFEST, lambda tag: image(annotations={"note": f"{tag}{note}"}))


def json_bomb(number: int, size: int = 3_900_000) -> Mode:
    """Tags that each name another manifest with as many empty values as fit."""
    values = ",".join(["{}", "[]"] * (size // 6))
    start = image()[:-1].decode()
    return manifests(number, MANIFEST, lambda tag: f'{start},"x":[{tag},{values}]}}'.encode())


def config_bomb(number: int, size: int = 4_190_000) -> Mode:
    """Images of which each has a configuration that holds as many empty lists as fit."""
    values = ",".join(["[]"] * (size // 3))
    configs = [
        f'{{"os":"linux","architecture":"amd64","x":[{each},{values}]}}'.encode()
        for each in range(number)
    ]
    blobs = {digest(body): body for body in configs}
    images = [
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest(body), "size": len(body)},
                "layers": [],
            }
        ).encode()
        for body in configs
    ]
    known = {f"v{at}": body for at, body in enumerate(images)}
    known |= {digest(body): body for body in images}
    names = listing("tags", [f"v{each}" for each in range(number)])

    def manifest(method: str, reference: str) -> Iterator[bytes]:
        body = known.get(reference)
        return denied(method) if body is None else content(method, body, MANIFEST)

    listed = registry(repositories(1), lambda _: whole(names), manifest)

    def answer(method: str, target: str) -> Iterator[bytes]:
        body = blobs.get(target.rpartition("/blobs/")[2])
        return listed(method, target) if body is None else whole(body, method)

    return answer


def schema1_bomb(number: int, size: int = 3_900_000) -> Mode:
    """Tags that are said to be old manifests, and are lists of lists."""
    old = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    names = listing("tags", [f"v{each}" for each in range(number)])
    body = b'{"x":[' + b",".join([b"[]"] * (size // 3)) + b"]}"
    return registry(
        repositories(1),
        lambda _: whole(names),
        lambda method, _: whole(body, method, Content_Type=old),
    )


def endless_body() -> Mode:
    """Every manifest goes on for ever."""
    names = listing("tags", ["v1", "v2", "v3"])
    return registry(
        repositories(3),
        lambda _: whole(names),
        lambda *_: chunked(repeat(b"x" * (1 << 16)), Content_Type=MANIFEST),
    )


def endless_errors() -> Mode:
    """Every answer is an error whose body goes on for ever."""
    return lambda *_: _error_without_end()


def _error_without_end() -> Iterator[bytes]:
    yield head(404)
    yield from repeat(b"10000\r\n" + b"[" * (1 << 16) + b"\r\n")


def informational() -> Mode:
    """Every manifest is promised again and again, and never comes."""
    early = b"HTTP/1.1 103 Early\r\n\r\n" * 2_000
    names = listing("tags", [f"v{each}" for each in range(20)])
    return registry(repositories(1), lambda _: whole(names), lambda *_: repeat(early))


def tiny_chunks() -> Mode:
    """Every manifest comes in chunks of one byte, for ever."""
    names = listing("tags", [f"v{each}" for each in range(20)])
    chunks = b"1\r\nx\r\n" * 10_000

    def manifest(*_: str) -> Iterator[bytes]:
        yield head(Content_Type=MANIFEST)
        yield from repeat(chunks)

    return registry(repositories(1), lambda _: whole(names), manifest)


def silence() -> Mode:
    """It lists one repository, and then says nothing more to anybody."""

    def mute(*_: str) -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b""

    return registry(repositories(1), mute, mute)


def crumbs() -> Mode:
    """Every list comes a byte at a time."""

    def drip() -> Iterator[bytes]:
        for _ in count():
            time.sleep(0.05)
            yield b" "

    return registry(repositories(1), lambda _: chunked(drip()))


def leave_me_alone() -> Mode:
    """It lists one repository, and then wants to be left alone for an hour, for ever."""
    busy = json.dumps({"errors": [{"code": "TOOMANYREQUESTS"}]}).encode()

    def later(*_: str) -> Iterator[bytes]:
        return whole(busy, status=429, Retry_After="3600")

    return registry(repositories(1), later, later)


def endless_token() -> Mode:
    """A token server whose answers never end."""
    return guarded(lambda: chunked(repeat(b"x" * (1 << 16))))


def token_that_has_expired(digits: int) -> Mode:
    """A token server whose tokens ended before time began."""
    said = b'{"token":"t","expires_in":-' + b"9" * digits + b"}"
    return guarded(lambda: whole(said))


def guarded(token: Callable[[], Iterator[bytes]]) -> Mode:
    """A registry that asks who asks, with a token server beside it."""

    def ask(method: str, target: str) -> Iterator[bytes]:
        if target.startswith("/token"):
            return token()
        realm = 'Bearer realm="http://{}/token",service="s"'
        body = json.dumps({"errors": [{"code": "UNAUTHORIZED"}]}).encode()
        return whole(body, method, 401, WWW_Authenticate=realm.format(_HOST[0]))

    return ask


_HOST: Final = [""]
"""Where this process listens."""


def deep_indexes(levels: int) -> Mode:
    """An index in an index in an index."""
    bodies: dict[str, bytes] = {}
    inner, kind, body = made_up(0), MANIFEST, b""
    for _ in range(levels):
        entry = {"mediaType": kind, "digest": inner, "size": len(body)}
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
        inner, kind = digest(body), INDEX
        bodies[inner] = body
    top = inner

    def manifest(method: str, reference: str) -> Iterator[bytes]:
        found = bodies.get(top if reference == "v1" else reference)
        return content(method, found, INDEX) if found else denied(method)

    return registry(repositories(1), lambda _: whole(listing("tags", ["v1"])), manifest)


_MARK: Final = "\n-- measured: "
_MEASURING: Final = f"""
import resource, subprocess, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print({_MARK!r}, code, peak, sep=" ", file=sys.stderr)
"""
"""Runs a command and says what it took: a peak survives exec, so that of a child that this
process starts itself would begin with its own."""


@dataclass(frozen=True, slots=True)
class Suffered:
    """What became of a victim."""

    code: int
    peak: int
    """Bytes of memory that it held at its worst."""
    output: str
    errors: str


def suffer(*words: str, environ: dict[str, str] | None = None) -> Suffered:
    """Run a command of the product to its end in a process of its own, and measure it."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONPATH": str(_TREE),
        "MALLOC_ARENA_MAX": "2",
        **(environ or {}),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _MEASURING, str(_MOST), sys.executable, "-m", "exporter", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        start_new_session=True,
    )
    timer = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    try:
        with process.stdout as out, process.stderr as errors:  # type: ignore[union-attr] # piped
            said: list[bytes] = []
            reader = threading.Thread(target=lambda: said.append(errors.read()))
            reader.start()
            output = b"".join(islice(iter(lambda: out.read(1 << 16), b""), 1 << 12))
            reader.join()
        process.wait()
    finally:
        timer.cancel()
    errors_said, _, measured = said[0].decode(errors="replace").rpartition(_MARK)
    code, peak = map(int, measured.split())
    return Suffered(code, peak * 1024, output.decode(errors="replace"), errors_said)

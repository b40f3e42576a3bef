"""Does a fault ever pass for a loss, or for health? One at a time, before a real registry."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter.oci.links import OCI_MANIFEST
from tests.parts.front import Front, front
from tests.parts.http import RESET, Answer, Asked, serving
from tests.parts.process import until
from tests.parts.product import Told, check, exporter
from tests.parts.registry import Registry, Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.certificates import Authority

pytestmark = pytest.mark.real

Spoil = Callable[[Asked], Answer | None]

IMAGES: Final = {place: two_platforms(place) for place in ("at/tag", "at/child", "at/blob")}
CHILD: Final = IMAGES["at/child"].children[0]
BLOB: Final = IMAGES["at/blob"].children[0].layers[0]
PLACES: Final = {"at/tag": "", "at/child": f"/manifests/{CHILD.digest}", "at/blob": BLOB.digest}
"""Repositories with an image each, and what is spoiled there: everything, or one thing."""
HTML: Final = {"Content-Type": "text/html"}
JSON: Final = {"Content-Type": "application/json"}
LOGIN: Final = b"<html><body>Please log in</body></html>"
OTHER: Final = image("another")


def error(status: int, code: str, **headers: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": "", "detail": None}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, JSON | named)


def always(answer: Answer) -> Spoil:
    return lambda _: answer


def with_body(answer: Answer) -> Spoil:
    """Spoil what has a body; a HEAD goes through."""
    return lambda asked: None if asked.method == "HEAD" else answer


def circle(asked: Asked) -> Answer:
    return Answer(307, b"", {"Location": asked.target})


DIGEST: Final = "Docker-Content-Digest"
EVERYWHERE: Final = tuple(PLACES)
FAULTS: Final[dict[str, tuple[str, Spoil, tuple[str, ...]]]] = {
    "401": (
        "unauthorized",
        always(error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')),
        EVERYWHERE,
    ),
    "403": ("denied", always(error(403, "DENIED")), EVERYWHERE),
    "429": (
        "rate-limited",
        always(error(429, "TOOMANYREQUESTS", Retry_After="0")),
        EVERYWHERE,
    ),
    "500": ("server-error", always(error(500, "UNKNOWN")), EVERYWHERE),
    "502 HTML": ("server-error", always(Answer(502, LOGIN, HTML)), EVERYWHERE),
    "200 HTML": ("not-a-registry", always(Answer(200, LOGIN, HTML)), EVERYWHERE),
    "404 HTML": ("not-a-registry", always(Answer(404, LOGIN, HTML)), EVERYWHERE),
    "404 without a body": ("not-a-registry", always(Answer(404)), EVERYWHERE),
    # A blob's type says nothing, so that there only HTML is a wrong one.
    "wrong type": (
        "not-a-registry",
        always(Answer(200, CHILD.body, {"Content-Type": "application/octet-stream"})),
        ("at/tag", "at/child"),
    ),
    # Of a tag nobody knows to which digest it should lead.
    "wrong digest": (
        "wrong-digest",
        always(Answer(200, OTHER.body, {"Content-Type": OCI_MANIFEST, DIGEST: OTHER.digest})),
        ("at/child", "at/blob"),
    ),
    # Of a single blob or child, cut at the same byte twice, it is a loss: what lies below a file or
    # a cache is short. See below for a path that cuts them all.
    "truncated": (
        "truncated",
        with_body(Answer(200, CHILD.body[:9], {"Content-Type": OCI_MANIFEST}, len(CHILD.body))),
        ("at/tag",),
    ),
    "reset": ("reset", always(RESET), EVERYWHERE),
    "redirect loop": ("redirect", circle, EVERYWHERE),
}


@dataclass(frozen=True, slots=True)
class Site:
    """A registry that holds an image in every place."""

    registry: Registry
    folder: Path

    def check(self, before: Front, places: tuple[str, ...] = EVERYWHERE, **keys: Any) -> Told:
        """Ask for the images of these places, through a front."""
        entry = {"url": before.url, "plain_http": True, "tries": 2, **keys}
        config = self.folder / "pullproof.yml"
        config.write_text(json.dumps({"registries": [entry]}))
        images = (f"{before.host}/{place}:v1" for place in places)
        return check(*images, "--config", str(config))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("faults")
    with registry(folder) as server:
        for place, made in IMAGES.items():
            server.push(place, made, "v1")
        yield Site(server, folder)


def spoiled(places: tuple[str, ...], answer: Spoil) -> Spoil:
    """Spoil in each place what belongs to it."""

    def spoil(asked: Asked) -> Answer | None:
        met = any(
            f"/v2/{place}/" in asked.target and PLACES[place] in asked.target for place in places
        )
        return answer(asked) if met else None

    return spoil


def judged_unknown(told: Told, places: tuple[str, ...], reason: str) -> None:
    """Assert that what was spoiled, and nothing else, is unknown, and for this reason."""
    assert told.code == 3
    assert not told.said.document["findings"] or told.said.found("unprotected-child")
    for place in places:
        name = f"{place}:v1"
        assert told.said.state(name) == "unknown"
        children = told.said.children(name)
        doubted = [child for child in children.values() if child["state"] == "unknown"]
        assert {child["reason"] for child in doubted} == {reason}, told.said.document
        if place != "at/tag":
            spoiled_one, sound = IMAGES[place].children
            assert spoiled_one.digest in {child["digest"] for child in doubted}
            # A 401 is about the repository: without a login nothing more is asked of it.
            beside = {"present", "unknown"} if reason == "unauthorized" else {"present"}
            assert children[str(sound.platform)]["state"] in beside


@pytest.mark.parametrize("fault", FAULTS)
def test_scenario_13_a_fault_is_neither_a_loss_nor_health(site: Site, fault: str) -> None:
    reason, answer, places = FAULTS[fault]
    with front(site.registry, spoiled(places, answer)) as before:
        told = site.check(before, places)

    judged_unknown(told, places, reason)


def test_a_body_too_slow_to_finish_is_unknown(site: Site) -> None:
    over = threading.Event()
    held = with_body(Answer(200, CHILD.body, {"Content-Type": OCI_MANIFEST}, held=over))

    def slow(asked: Asked) -> Answer | None:
        return None if "/tags/list" in asked.target else held(asked)  # a list may take long

    with front(site.registry, spoiled(EVERYWHERE, slow)) as before:
        told = site.check(before, timeout="5s")  # long enough for what is not held back
        over.set()

    judged_unknown(told, EVERYWHERE, "timeout")


def test_a_pause_that_the_registry_asks_for_is_kept_and_then_all_is_well(site: Site) -> None:
    heads: list[float] = []

    def busy_once(request: Asked) -> Answer | None:
        if request.method != "HEAD":
            return None
        heads.append(time.monotonic())
        return error(429, "TOOMANYREQUESTS", Retry_After="1") if len(heads) == 1 else None

    with front(site.registry, busy_once) as before:
        told = site.check(before, ("at/tag",))

    assert told.code == 0
    assert heads[1] - heads[0] >= 1


def test_a_path_that_cuts_every_body_short_breaks_nothing(site: Site) -> None:
    cutting = threading.Event()

    def cut(asked: Asked) -> Answer | None:
        if "/blobs/" in asked.target:
            cutting.set()  # from the first blob on
        if cutting.is_set() and asked.method == "GET":
            return Answer(200, b"{", {"Content-Type": OCI_MANIFEST}, 601)
        return None

    with front(site.registry, cut) as before:
        told = site.check(before, ("at/tag",))

    assert told.code == 3
    for child in told.said.tag("at/tag:v1")["children"]:
        assert (child["state"], child["reason"]) == ("unknown", "unconfirmed")


def test_one_short_body_is_looked_at_again_and_is_well(site: Site) -> None:
    cut: list[Asked] = []
    turn = threading.Lock()

    def cut_once(asked: Asked) -> Answer | None:
        with turn:
            if "/blobs/" not in asked.target or cut:
                return None
            cut.append(asked)
        last, _, _ = asked.headers["Range"].removeprefix("bytes=").partition("-")
        span = {"Content-Range": f"bytes {last}-{last}/{int(last) + 1}"}
        return Answer(206, b"", span, announced=1)

    with front(site.registry, cut_once) as before:
        told = site.check(before, ("at/tag",))

    assert (told.code, len(cut)) == (0, 1)


NOBODY: Final = "registry.invalid"


@pytest.mark.parametrize(
    ("host", "reason"), [(NOBODY, "dns"), ("127.0.0.1:1", "connect")], ids=["dns", "connect"]
)
def test_a_registry_that_is_not_reached_is_no_registry_without_images(
    host: str, reason: str
) -> None:
    told = check(f"{host}/team/app:v1", host, "--plain-http")

    assert told.code == 3
    entry = told.said.tag("team/app:v1")
    assert (entry["state"], entry["children"][0]["reason"]) == ("unknown", reason)
    assert [gap["reason"] for gap in told.said.document["gaps"]] == [reason]
    assert told.said.registry["up"] is False


def test_a_certificate_that_nobody_trusts_is_no_registry(
    tmp_path: Path, authority: Authority
) -> None:
    with registry(tmp_path, Settings(authority=authority)) as server:
        server.push("team/app", two_platforms("app"), "v1")
        named = f"{server.host}/team/app:v1"

        strange, plain = check(named), check(named, "--plain-http")
        trusted = check(named, "--ca-file", str(authority.certificate))

    assert (strange.code, plain.code, trusted.code) == (3, 3, 0)
    assert strange.said.document["gaps"][0]["reason"] == "tls"
    assert plain.said.document["gaps"][0]["reason"] == "not-a-registry"


def test_a_plain_server_is_no_tls_registry(site: Site) -> None:
    told = check(f"{site.registry.host}/at/tag:v1")

    assert told.code == 3
    assert told.said.document["gaps"][0]["reason"] == "tls"


def _stored(_: Asked) -> Answer:
    end = len(BLOB.body) - 1
    span = {"Content-Range": f"bytes {end}-{end}/{end + 1}"}
    return Answer(206, BLOB.body[-1:], span)


XML: Final = {"Content-Type": "application/xml"}
STORES: Final[dict[str, tuple[Callable[[Asked], Answer], str, str | None]]] = {
    "has it": (_stored, "present", None),
    "denies it": (
        lambda _: Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", XML),
        "broken",
        None,
    ),
    "forbids it": (
        lambda _: Answer(403, b"<Error><Code>AccessDenied</Code></Error>", XML),
        "unknown",
        "denied",
    ),
    "shows a login": (lambda _: Answer(200, LOGIN, HTML), "unknown", "not-a-registry"),
    "has a bare 404": (lambda _: Answer(404, b"gone"), "unknown", "not-a-registry"),
}


@pytest.mark.parametrize("store", STORES)
def test_another_host_decides_only_what_it_proves_and_sees_no_credentials(
    tmp_path: Path, store: str
) -> None:
    answer, state, reason = STORES[store]
    asked: list[Asked] = []

    def noted(request: Asked) -> Answer:
        asked.append(request)
        return answer(request)

    with (
        registry(tmp_path, Settings(basic=True)) as server,
        serving(noted) as elsewhere,
        front(server, lambda it: _away(it, elsewhere)) as before,
    ):
        server.push("at/blob", IMAGES["at/blob"], "v1")
        (tmp_path / "password").write_text(PASSWORD)
        login = {"username": USER, "password_file": str(tmp_path / "password")}
        told = Site(server, tmp_path).check(before, ("at/blob",), **login)

    child, _ = told.said.tag("at/blob:v1")["children"]
    assert (child["state"], child["reason"]) == (state, reason)
    assert told.code == {"present": 0, "broken": 1, "unknown": 3}[state]
    assert asked
    assert not any("Authorization" in each.headers for each in asked)


def _away(asked: Asked, elsewhere: str) -> Answer | None:
    if BLOB.digest not in asked.target:
        return None
    return Answer(307, b"", {"Location": f"{elsewhere}/bucket/{BLOB.digest}?signature=secret"})


def test_another_host_without_an_address_is_a_fault_of_names(site: Site) -> None:
    with front(site.registry, lambda asked: _away(asked, f"http://{NOBODY}")) as before:
        told = site.check(before, ("at/blob",))

    judged_unknown(told, ("at/blob",), "dns")
    assert "secret" not in told.output + told.errors


AWAY: Final[dict[str, Spoil]] = {
    "reset": always(RESET),
    "bad gateway": always(Answer(502, LOGIN, HTML)),
    "content": lambda asked: None if asked.target == "/v2/" else error(500, "UNKNOWN"),
}


@dataclass(slots=True)
class Outage:
    """A fault that comes, and goes, before the first question of an audit: no audit meets half."""

    fault: Spoil
    wanted: bool = False
    there: bool = False

    def __call__(self, asked: Asked) -> Answer | None:
        if asked.target == "/v2/":
            self.there = self.wanted
        return self.fault(asked) if self.there else None


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Registry]:
    """A registry with a sound image, and one of which a child is gone."""
    with registry(tmp_path / "registry") as server:
        for name, made in (("sound", two_platforms("sound")), ("hurt", two_platforms("hurt"))):
            server.push(name, made, "latest")
        with server.client("hurt") as client:
            client.delete(two_platforms("hurt").children[0].digest)
        yield server


@pytest.mark.parametrize("fault", AWAY)
def test_three_audits_of_a_registry_that_is_down_change_no_verdict_but_its_age(
    damaged: Registry, tmp_path: Path, fault: str
) -> None:
    outage = Outage(AWAY[fault])
    entry: dict[str, Any] = {"name": "main", "plain_http": True, "tries": 1}
    with ExitStack() as stack:
        before = stack.enter_context(front(damaged, outage))
        settings = {"registries": [entry | {"url": before.url}]}
        watch = stack.enter_context(exporter(tmp_path / "exporter", settings))
        whole = watch.audited()
        outage.wanted = True
        until(lambda: watch.value("pullproof_audit_failures_total") >= 3, "three audits fail")

        later = watch.report()

        assert later.state("hurt:latest") == "broken"
        assert later.state("sound:latest") == "present"
        for part in ("tags", "findings"):
            assert later.document[part] == whole.document[part]
        assert later.registry["up"] is False
        assert later.registry["last_success"] < later.registry["last_attempt"]
        assert watch.value("pullproof_registry_up") == 0
        assert watch.value("pullproof_tag_missing_children", repository="hurt") == 1
        assert watch.value("pullproof_tag_unknown_children") == 0

        outage.wanted = False
        until(lambda: watch.value("pullproof_registry_up") == 1, "an audit succeeds")
        assert watch.report().document["findings"] == whole.document["findings"]

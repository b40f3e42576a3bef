"""Does a Secret that somebody crafted cost itself only, and lead to no claim?"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from tests.parts.http import serving
from tests.sources.registry.guarded import DIGEST, Guard, basic, guarding
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.facts.snapshot import Admission

APP: Final = Repository("app")
HOST: Final = "registry.example"


def secret(entry: object, host: str = HOST) -> bytes:
    return json.dumps({"auths": {host: entry}}).encode()


async def admitted(url: str, *secrets: bytes, host: str = HOST) -> Admission:
    known: Mapping[str, tuple[bytes, ...]] = {"shop: pull": secrets}
    async with registry_at(url) as registry:
        return await registry.credential_check(lambda: known).admits(
            "shop: pull", host, (APP, DIGEST)
        )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"username": "u\ud800", "password": "p"}, Reason.UNAUTHORIZED),
        ({"username": "u", "password": "p\udfff\n"}, Reason.UNAUTHORIZED),
        ({"username": 7, "password": "p"}, Reason.CREDENTIALS),
        ({"auth": "!"}, Reason.CREDENTIALS),
    ],
)
async def test_a_secret_that_opens_nothing_for_a_kubelet_is_refused(
    entry: object, reason: Reason
) -> None:
    with serving(basic) as url:
        found = await admitted(url, secret(entry))

    assert (found.admitted, found.reason) == (False, reason)


async def test_a_lone_surrogate_is_posted_and_shown_without_a_fault() -> None:
    with guarding(Guard(gives=401)) as guard:
        found = await admitted(guard.url, secret({"username": "u\ud800", "password": "p\ud800"}))

    assert (found.admitted, found.reason) == (False, Reason.UNAUTHORIZED)
    assert [each.method for each in guard.tokens] == ["GET"]


async def test_what_cannot_be_shown_leaves_it_unknown() -> None:
    auth = base64.b64encode(b"u:\xff").decode()
    with serving(basic) as url:
        found = await admitted(url, secret({"auth": auth}))

    assert (found.admitted, found.reason) == (None, Reason.CREDENTIALS)
    assert found.detail == "the pull secrets: credentials that a header cannot contain"


async def test_a_crafted_secret_beside_a_good_one_for_another_host_costs_nothing() -> None:
    good = {"username": "robot", "password": "sesame"}
    with serving(basic) as url:
        for host in ("https://[", "https://x[]/", "a:99999", "other.example"):
            odd = secret({"auth": base64.b64encode(b"u:\xff").decode()}, host)
            assert (await admitted(url, odd, secret(good))).admitted is True


@pytest.mark.parametrize("port", ["99999", "9" * 5000])
async def test_a_port_that_nobody_has_is_no_fault(port: str) -> None:
    with serving(basic) as url:
        found = await admitted(url, secret({}), host=f"{HOST}:{port}")

    assert (found.admitted, found.reason) == (False, Reason.UNAUTHORIZED)


async def test_of_very_many_logins_for_one_registry_not_all_are_tried() -> None:
    secrets = [secret({"username": f"u{n}", "password": "p"}) for n in range(100)]
    with guarding(Guard(gives=401)) as guard:
        found = await admitted(guard.url, *secrets)

    assert (found.admitted, found.reason) == (None, Reason.TOO_LARGE)
    assert len(guard.tokens) == 32

"""Does reading what a peer sends take time in proportion to its length, at its worst?"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.credential_check import PullSecretLogins
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.tokens import parse_challenges

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT, LONG = 8 * 2**10, 128 * 2**10
GROWTH: Final = 4 * LONG / SHORT
"""A quadratic reader takes `(LONG / SHORT)**2` times as long: four times this."""


def keyring(text: str) -> None:
    PullSecretLogins.of([json.dumps({"auths": {text[:1000]: {"auth": text}}}).encode()]).find(
        text, text
    )


def patterns(text: str) -> None:
    """As many entries as there are thousands of characters."""
    keys = {f"{text[at : at + 500]}{at}": {} for at in range(0, len(text), 1000)}
    PullSecretLogins.of([json.dumps({"auths": keys}).encode()]).find("a" * 250, "app")


def redirect(text: str) -> None:
    Address.parse("https://a/b").onward(text)


def address(text: str) -> None:
    Address.parse(f"https://{text}")


def proxies(text: str) -> None:
    Proxies.of({"NO_PROXY": text}).way("https", "a.example", 443)
    Proxies.of({"HTTPS_PROXY": f"http://{text}"})


def cost(read: Callable[[str], object], text: str) -> float:
    """The least seconds of some runs: whatever else the machine does takes none away."""

    def once() -> float:
        begun = time.thread_time()
        with suppress(Malformed, Unseen):
            read(text)
        return time.thread_time() - begun

    return min(once() for _ in range(5))


@pytest.mark.parametrize("read", [parse_challenges, keyring, patterns, redirect, address, proxies])
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        "=",
        "[",
        ":",
        "@",
        "<",
        '"',
        'a="',
        "\\",
        "a,",
        "a =",
        "../",
        "?#",
        "%",
        "é",
        "*a",
        ".",
    ],
)
def test_what_a_peer_sends_is_read_in_proportion_to_its_length(
    read: Callable[[str], object], unit: str
) -> None:
    short, long = (unit * (size // len(unit)) for size in (SHORT, LONG))

    assert cost(read, long) < GROWTH * max(cost(read, short), 1e-4)

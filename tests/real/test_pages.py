"""Are the pages what a person can use? Driven in a real browser, on the demo and the incident."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.browser import browser
from tests.parts.process import running, until
from tests.parts.product import exporter
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.browser import Browser

pytestmark = pytest.mark.real

CHECKOUT: Final = "tag/registry.example.com/shop/checkout:2.4.1"
WIDTHS: Final = (390, 768, 1280, 1920)
LISTED: Final = ".tags th[role=rowheader] a"
NOTING: Final = """
const [element] = arguments;
element.said = [];
new MutationObserver(() => element.said.push(element.textContent)).observe(
  element, {childList: true, characterData: true, subtree: true});
"""
"""Keeps what an element says from now on, be it for a moment."""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration that has audited both its registries."""
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    command = [sys.executable, "-m", "exporter", "demo", "--listen", "127.0.0.1:0"]
    with running(command, r"The exporter +(http://[0-9.:]+/)", log) as server:
        yield server.address


def listed(window: Browser) -> list[str]:
    return window.texts(LISTED)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", ["", CHECKOUT], ids=["status", "tag"])
def test_a_page_fits_every_screen_and_breaks_no_rule_of_axe(
    window: Browser, demo: str, path: str, *, dark: bool
) -> None:
    for width in WIDTHS:
        window.look(width, dark=dark)
        window.open(f"{demo}{path}")
        assert window.width == width, "no page scrolls sideways"
        assert window.violations() == [], f"at {width} pixels"
    assert window.complaints() == []


def test_the_incident_is_the_first_thing_to_be_read(window: Browser, demo: str) -> None:
    window.look(1280)
    window.open(demo)
    (heading,) = window.all("h1")
    (checkout,) = (each for each in window.all(".worst li") if "checkout:2.4.1" in each.text)

    assert heading.text == "2 live tags cannot be pulled"
    assert "arm64 missing" in checkout.text
    bottom = checkout.rect["y"] + checkout.rect["height"]
    assert bottom < 900, "without scrolling"


def test_a_phone_shows_the_status_page_in_a_few_screens(window: Browser, demo: str) -> None:
    window.look(390)
    window.open(demo)
    height = int(window.run("return document.documentElement.scrollHeight"))

    assert len(listed(window)) >= 10
    assert height < 4_200


def test_filters_narrow_the_list_and_can_be_cleared(window: Browser, demo: str) -> None:
    window.look(1280)
    window.open(demo)
    everything = listed(window)
    (field,) = window.all("input[name=repository]")
    field.send_keys("CHECKOUT")
    window.choose("state", "cannot be pulled")
    window.submit()

    assert set(listed(window)) == {"shop/checkout:2.4.1", "shop/checkout:latest"}
    window.choose("class", "live")
    window.submit()
    assert listed(window) == ["shop/checkout:2.4.1"]
    window.follow("Clear")
    assert listed(window) == everything


def test_filters_work_without_scripts_and_commands_can_be_selected(
    window: Browser, demo: str
) -> None:
    window.without_scripts()
    try:
        window.open(demo)
        window.choose("class", "latest")
        window.submit()
        assert all(name.endswith(":latest") for name in listed(window))
        window.open(f"{demo}{CHECKOUT}")
        assert [each for each in window.all("button[data-copy]") if each.is_displayed()] == []
        (first, *_) = window.texts(".shell pre")
        assert re.fullmatch(
            r"pullproof inspect 127\.0\.0\.1:\d+/shop/checkout:2\.4\.1 --config \S+", first
        )
    finally:
        window.without_scripts(off=False)


def test_links_lead_from_the_status_to_the_tag_and_back(window: Browser, demo: str) -> None:
    window.open(demo)
    window.follow("shop/checkout:2.4.1")

    assert window.url == f"{demo}{CHECKOUT}"
    labels = window.texts(".tree .label")
    assert labels[0] == "index"
    assert "linux/arm64 image" in labels
    assert "Cannot be pulled for linux/arm64." in window.texts(".answer")[0]
    window.follow("shop/checkout")
    assert set(listed(window)) >= {"shop/checkout:2.4.1", "shop/checkout:latest"}
    window.follow("Status")
    assert window.url == demo


def test_a_button_copies_the_command_beside_it(window: Browser, demo: str) -> None:
    window.allow_clipboard(demo)
    window.open(f"{demo}{CHECKOUT}")
    command = window.all(".shell pre")[0]
    button = window.all(".command button")[0]
    window.run(NOTING, button)
    button.click()

    until(lambda: "Copied" in window.run("return arguments[0].said", button), "it says so")
    assert window.clipboard() == command.text


@pytest.mark.parametrize("path", ["", CHECKOUT], ids=["status", "tag"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    window: Browser, demo: str, path: str
) -> None:
    window.look(1280)
    window.open(f"{demo}{path}")
    usable = [
        each for each in window.all("a, button, input, select, summary, pre") if each.is_displayed()
    ]
    reached = set()
    for _ in ("skip to the content", *usable):
        focused = window.press()
        reached.add(focused.id)
        outline = window.run("return getComputedStyle(arguments[0]).outlineStyle", focused)
        assert outline != "none", focused.text

    assert [each.tag_name + each.text for each in usable if each.id not in reached] == []


def test_on_a_real_registry_the_incident_shows_and_its_repair_too(
    window: Browser, tmp_path: Path
) -> None:
    app = two_platforms("app")
    with registry(tmp_path / "registry") as server:
        server.push("team/app", app, "v1")
        live = tmp_path / "live.txt"
        live.write_text(f"{server.host}/team/app:v1\n")
        settings = {
            "registries": [
                {
                    "url": server.url,
                    "name": "main",
                    "plain_http": True,
                    "storage": {"path": str(server.root)},
                }
            ],
            "references": [{"file": str(live)}],
            "route_prefix": "/audit",
        }
        with exporter(tmp_path / "exporter", settings) as watching:
            page = f"{watching.url}/audit/"
            assert shows(window, page, "Every tag in scope can be pulled")
            assert "breaks 2 live manifests" in window.texts(".cards")[0]

            server.collect("--delete-untagged")

            assert shows(window, page, "1 live tag cannot be pulled")
            window.follow("team/app:v1")
            until(
                lambda: states(window, window.url) == ["broken", "MISSING", "MISSING"],
                "an audit has seen what the collection left",
            )
            assert window.violations() == []
            assert window.complaints() == []


def states(window: Browser, page: str) -> list[str]:
    """What the tree of a tag's page says now."""
    window.open(page)
    said = (re.sub(r"\W+", "", each) for each in window.texts(".tree .badge"))
    return [each for each in said if each]


def shows(window: Browser, page: str, words: str) -> bool:
    """Wait until the page says so."""

    def look() -> bool:
        window.open(page)
        return words in window.texts("h1")

    return until(look, f"the page says {words!r}")

"""What does a person's browser make of a page? A real Chromium, without a screen."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.parts.needs import program
from tests.parts.ports import held
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

Json = dict[str, Any]

_SWITCHES: Final = (
    "--headless",
    "--no-sandbox",  # root has none, and the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
_HEIGHT: Final = 900
_TALLEST: Final = 12_000


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser with one window."""

    driver: webdriver.Chrome

    def open(self, url: str) -> None:
        """Go to an address, and wait until all of it is there."""
        self.driver.get(url)

    def look(self, width: int, *, dark: bool = False, height: int = _HEIGHT) -> None:
        """Look from now on through a window of this width, and in one of the colour schemes."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        self._tell("Emulation.setEmulatedMedia", features=[scheme])

    def without_scripts(self, *, off: bool = True) -> None:
        """Run no script of a page's own from the next page on."""
        self._tell("Emulation.setScriptExecutionDisabled", value=off)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script says of the page."""
        return self.driver.execute_script(script, *arguments)

    def all(self, css: str) -> list[WebElement]:
        """Every element that a selector fits."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, css))

    def texts(self, css: str) -> list[str]:
        """What every such element says, as it is seen."""
        return [each.text for each in self.all(css)]

    @property
    def url(self) -> str:
        """Where it is, without the place within the page."""
        return self.driver.current_url.partition("#")[0]

    def follow(self, words: str) -> None:
        """Click the first link that says this, and go where it leads."""
        self._leave(self.driver.find_element(By.LINK_TEXT, words))

    def choose(self, name: str, words: str) -> None:
        """Choose an entry of a list by what it says."""
        Select(self.driver.find_element(By.NAME, name)).select_by_visible_text(words)

    def submit(self) -> None:
        """Send the form."""
        self._leave(self.driver.find_element(By.CSS_SELECTOR, "form button"))

    def allow_clipboard(self, origin: str) -> None:
        """Let pages of an origin copy without asking, as a click in a window with focus does."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self._tell("Browser.grantPermissions", origin=origin, permissions=permissions)

    def clipboard(self) -> str:
        """What was copied."""
        return str(
            self.driver.execute_async_script(
                "navigator.clipboard.readText().then(arguments[arguments.length - 1])"
            )
        )

    def press(self, key: str = Keys.TAB) -> WebElement:
        """Press a key wherever the focus is, and return what has it then."""
        self.driver.switch_to.active_element.send_keys(key)
        return self.driver.switch_to.active_element

    def complaints(self) -> list[str]:
        """What the browser's console has said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def violations(self) -> list[str]:
        """Which rules of axe-core the page breaks, and where."""
        found = Axe().run(self.driver)["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    @property
    def width(self) -> int:
        """How wide the page is in all: more than the window, where it scrolls sideways."""
        return int(self.run("return document.documentElement.scrollWidth"))

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Take a picture of the window, or of the page down to its end."""
        if whole:
            height = int(self.run("return document.documentElement.scrollHeight"))
            width = int(self.run("return innerWidth"))
            size = {"width": width, "height": min(height, _TALLEST)}
            self._tell(
                "Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False
            )
        taken = self._tell("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(taken["data"]))

    def _leave(self, by: WebElement) -> None:
        by.click()
        # In the midst of it, what is there of the old page gives rise to errors of many kinds.
        leaving = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[WebDriverException])
        leaving.until(staleness_of(by))

    def _tell(self, command: str, **words: Any) -> Json:
        return dict(self.driver.execute_cdp_cmd(command, words))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a browser that keeps what it keeps in a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for switch in (*_SWITCHES, f"--user-data-dir={folder}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with held() as address:
        port = int(address.rpartition(":")[2])
        driver = webdriver.Chrome(options, Service(program("chromedriver"), port))
        try:
            driver.set_script_timeout(PATIENCE)
            yield Browser(driver)
        finally:
            driver.quit()

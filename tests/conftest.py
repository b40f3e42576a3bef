"""What every test may ask for, and the logs of its servers where it fails."""

from __future__ import annotations

import gc
import os
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.parts import agreement, certificates, gitea, kubernetes, process
from tests.parts.recorded import RECORDING, Recording
from tests.parts.recorded_kinds import RECORDED_KINDS
from tests.parts.tokens import token_server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.parts.certificates import Authority
    from tests.parts.gitea import Gitea
    from tests.parts.kubernetes import Kubernetes
    from tests.parts.tokens import Tokens

_SLOW: Final = frozenset({"test_hostile.py", "test_linear_patterns.py"})
"""Files that take a minute or more, besides those of real parts."""

# What is printed is equally wide for every process that runs tests.
os.environ["COLUMNS"] = "100"

# No test is a timed one: what a busy machine does to an example says nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return certificates.authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tokens(authority: Authority) -> Iterator[Tokens]:
    with token_server(authority) as server:
        yield server


@pytest.fixture(scope="session")
def kubernetes_server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Kubernetes]:
    with kubernetes.kubernetes(tmp_path_factory.mktemp("kubernetes"), authority) as server:
        yield server


@pytest.fixture(scope="session")
def gitea_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    with gitea.gitea(tmp_path_factory.mktemp("gitea")) as server:
        yield server


@pytest.fixture(scope="session")
def recordings() -> Iterator[dict[str, Recording]]:
    """What each kind answered; with UPDATE_RECORDINGS, what those answer that are built here."""
    found = {name: Recording.read(kind.path) for name, kind in RECORDED_KINDS.items()}
    yield found
    for name, kind in RECORDED_KINDS.items():
        if RECORDING and kind.program:
            found[name].write()


@pytest.fixture(scope="session")
def stands() -> Iterator[ExitStack]:
    """What is slow to start stays up in it for the session."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def cluster(kubernetes_server: Kubernetes) -> Iterator[Kubernetes]:
    """The one API server of the session, without what tests before made in it."""
    yield kubernetes_server
    kubernetes_server.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [
            (f"{log.name} of {item.name}", process.tail(log)) for log in process.LOGS
        ]
    if call.when == "teardown":
        process.LOGS.clear()
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow files where processes share the tests, so that all end at once."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: "real" not in item.path.parts and item.path.name not in _SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage when ten thousand tests are collected, and never among them: not meanwhile.

    That took a quarter of the time of collecting.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests of agreement recorded, and in one line what was left out."""
    ran = [each for key in ("passed", "failed") for each in terminalreporter.stats.get(key, ())]
    for line in agreement.table(pair for report in ran for pair in report.user_properties):
        terminalreporter.write_line(line)
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"left out: {reasons.total()} tests: {why}")
